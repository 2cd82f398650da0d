/**
 * The crash campaign: a store on the simulated disk, crashed before every call that changes the disk,
 * in several ways, and again inside the recoveries.
 *
 *     workload ─ every crash point ─ choices of what survived ─ open, open, append, open
 *                                                                 └ crashed again at each call
 *
 * The rule: what was acknowledged is there, what was refused is not, a transaction is whole, and the
 * report says no more than what happened. TASKWAL_LONG=1 goes through every choice and crashes far more
 * recoveries; TASKWAL_SEEDS=n repeats it with n seeds.
 */
import { createSimDisk, type SimState } from "@taskwal/disk/sim";
import { DiskFailedError } from "taskwal";
import * as taskwal from "taskwal";
import { beforeAll, describe, expect, it } from "vitest";
import { Campaign } from "./crash/campaign.ts";
import { Explorer, fingerprint, type Findings } from "./crash/explorer.ts";
import { importSubject, legacyFiles, openTasks, runImport } from "./crash/import-workload.ts";
import { inspect } from "./crash/inspect.ts";
import { judge } from "./crash/judge.ts";
import { startWorkload } from "./crash/workload.ts";

const isLong = process.env["TASKWAL_LONG"] === "1";
const seedCount = Number(process.env["TASKWAL_SEEDS"] ?? 1);
const seeds = Array.from({ length: seedCount }, (_, at) => at + 1);
const timeoutMs = isLong ? 7_200_000 : 120_000;

/** The quick part crashes some recoveries inside; the long part most of them. */
const effort = isLong
  ? { cutsPerPoint: 11, nestedStrides: [3, 60], appendStride: 1, pointStride: 1, rotStrideBytes: 1 }
  : {
      cutsPerPoint: 2,
      nestedStrides: [120, 25],
      appendStride: 2,
      pointStride: 1,
      rotStrideBytes: 37,
    };

const histogram = (counts: ReadonlyMap<string, number>): string =>
  [...counts].map(([name, count]) => `${name} ${count}`).join(", ");

const tell = (
  title: string,
  { points, disks, distinct, nested, torn, kinds, phases }: Findings,
): void => {
  process.stdout.write(
    `${title}: ${points} crash points, ${disks} disks, ${distinct} distinct, ${torn} with torn bytes\n` +
      nested
        .map((count, at) => `   crashed again inside the recovery, depth ${at + 2}: ${count}\n`)
        .join("") +
      `   by call: ${histogram(kinds)}\n   by phase: ${histogram(phases)}\n`,
  );
};

/** The workload once more, with the power failing at that call for real; and what had been answered by then. */
const crashedRun = async (
  seed: number,
  call: number,
  inside: boolean,
): Promise<{ readonly state: SimState; readonly mark: number }> => {
  const sim = createSimDisk({ seed });
  sim.crashAt(call, { inside });
  const running = startWorkload(taskwal, sim);
  const ended = running.done.then(
    () => "it ended",
    (error: unknown) => String(error),
  );
  const how = await Promise.race([sim.whenCrashed, ended]);
  if (!sim.isCrashed) throw new Error(`call ${call} was not reached: ${String(how)}`);
  // As a state: the workload does not know yet that its process is dead, and still turns at this disk.
  return { state: sim.snapshotState(), mark: running.ledger.mark };
};

describe.each(seeds)("a store whose power fails at any call (seed %i)", (seed) => {
  let campaign: Campaign;
  beforeAll(async () => {
    campaign = await Campaign.begin(taskwal, { ...effort, seed });
  });

  it(
    "recovers all that was acknowledged and nothing that was refused, the same at every opening, also when it fails again meanwhile",
    async () => {
      const findings = await campaign.crashes();
      tell(`crashes (seed ${seed})`, findings);
      const { kinds, phases } = findings;
      const calls = [
        "write",
        "sync",
        "link",
        "rename",
        "syncFolder",
        "remove",
        "truncate",
        "create",
      ];
      for (const kind of calls) expect(kinds.get(kind) ?? 0, kind).toBeGreaterThan(0);
      const work = [
        "append",
        "batch",
        "transact",
        "written",
        "rotate",
        "snapshot",
        "prune",
        "mirror",
      ];
      const trouble = ["disk full", "failed sync", "close", "open", "recovery"];
      for (const phase of [...work, ...trouble]) {
        expect(phases.get(phase) ?? 0, phase).toBeGreaterThan(0);
      }
      expect(findings.torn).toBeGreaterThan(0);
    },
    timeoutMs,
  );

  it(
    "loses to one bad bit at most the operation that it hit, and leads from any snapshot to the last record",
    async () => {
      const { flips, costly, fallbacks } = await campaign.rot();
      process.stdout.write(
        `rot (seed ${seed}): ${flips} bits of the log flipped, ${costly} cost an operation; ${fallbacks} openings from an older snapshot\n`,
      );
      expect(costly).toBeGreaterThan(0);
      expect(fallbacks).toBeGreaterThan(20);
    },
    timeoutMs,
  );

  it(
    "is left by a crash in a run of its own as the forks say, and recovers also from inside a call",
    async () => {
      const { points, ledger } = campaign.run;
      const lab = createSimDisk({ seed: seed + 2 });
      const stride = isLong ? 7 : 43;
      for (const point of points.filter((_, at) => at % stride === 5)) {
        lab.restore(point.state);
        lab.powerCut("all");
        const expected = fingerprint(lab);
        for (const inside of [false, true]) {
          const { state, mark } = await crashedRun(seed, point.call.number ?? 0, inside);
          lab.restore(state);
          lab.powerCut(inside ? "random" : "all");
          if (!inside) expect(fingerprint(lab), `call ${point.call.number}`).toEqual(expected);
          const expectation = ledger.expectation(mark, "power");
          const { dump } = await inspect(lab, campaign.subject, {
            by: "run",
            expectation,
            alsoAppend: true,
            alsoClose: true,
            alsoInside: false,
          });
          judge(dump, expectation);
        }
      }
    },
    timeoutMs,
  );

  it("opens once there is room again, with all that was acknowledged, however full the disk was during the recovery", async () => {
    const { points, ledger } = campaign.run;
    const lab = createSimDisk({ seed: seed + 3 });
    let refused = 0;
    for (const [index, point] of points.entries()) {
      if (index % (isLong ? 3 : 29) !== 0) continue;
      for (const roomBytes of [0, 90, 400]) {
        lab.restore(point.state);
        lab.powerCut({ writes: "all", names: "all" });
        lab.capacityBytes = lab.usedBytes + roomBytes;
        await campaign.subject.open(lab).catch((error: unknown) => {
          expect(error).toBeInstanceOf(DiskFailedError);
          refused += 1;
        });
        lab.capacityBytes = undefined;
        lab.powerCut("none");
        const expectation = ledger.expectation(point.mark, "power");
        const { dump } = await inspect(lab, campaign.subject, {
          by: expectation,
          expectation,
          alsoAppend: true,
          alsoClose: false,
          alsoInside: false,
        });
        judge(dump, expectation);
      }
    }
    expect(refused).toBeGreaterThan(0);
  });
});

describe("a legacy directory whose import is cut by a power failure at any call", () => {
  it(
    "is imported whole by the next opening, and its files stay",
    async () => {
      const { ledger, points } = await runImport(taskwal, 1);
      const subject = importSubject(taskwal, ledger);
      const explorer = new Explorer(createSimDisk({ seed: 2 }), {
        ...effort,
        ledger,
        subject,
        seed: 1,
      });
      const findings = await explorer.explore(points);
      tell("import", findings);
      expect(findings.phases.get("import") ?? 0).toBeGreaterThan(20);
    },
    timeoutMs,
  );

  it("keeps its files under legacy/, though of the names that no sync has covered any one is lost", async () => {
    const { points } = await runImport(taskwal, 1);
    const lab = createSimDisk({ seed: 3 });
    const kept = (): string[] =>
      lab
        .listRaw()
        .filter((path) => path.startsWith("/state/legacy/"))
        .map((path) => Buffer.from(lab.readRaw(path)).toString());
    let cuts = 0;
    for (const { state } of points.filter(({ call }) => call.kind === "syncFolder")) {
      lab.restore(state);
      for (const lost of lab.unsynced()) {
        lab.restore(state);
        lab.powerCut({ writes: "all", names: ({ index }) => index !== lost.index });
        // With mirrors: they and the snapshot take the places of the files.
        const store = await openTasks(taskwal, lab, true);
        await store.close();
        expect(kept()).toEqual(expect.arrayContaining([...legacyFiles.values()]));
        cuts += 1;
      }
    }
    expect(cuts).toBeGreaterThan(20);
  });
});
