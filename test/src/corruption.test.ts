/**
 * Damage of every kind to every file of a small real store: what it may cost, and what must be said.
 *
 *     flip a bit │ cut at a byte │ remove a file │ convert line ends      x      closed │ killed
 *
 * Every verdict is counted and printed. `TASKWAL_LONG=1` takes every bit and every byte (an hour);
 * without it a stride of primes takes some of each.
 */
import { afterAll, describe, expect, test } from "vitest";
import { CorruptError } from "taskwal";
import { Prng } from "@taskwal/disk/sim";
import { expectAcceptable, expectSettled, expectStillMarked } from "./corruption/aftermath.ts";
import { convertedFile, cutFile, flippedBit, removedFile, type Harm } from "./corruption/harm.ts";
import { lookAt, type Look } from "./corruption/look.ts";
import { realMedium, type Medium } from "./corruption/medium.ts";
import { expectRefused } from "./corruption/refusal.ts";
import { makeSmallStore, type SmallStore, type StoreKind } from "./corruption/small-store.ts";
import { print, Tally } from "./corruption/tally.ts";

const long = process.env["TASKWAL_LONG"] === "1";
const longMs = 3_600_000;
/** Coprime with 8 and with each other, so that in time every bit of a byte has its turn. */
const bitStep = long ? 1 : 283;
const byteStep = long ? 1 : 43;
/** HEAD is two lines in a page of zeros. */
const headStep = long ? 1 : 7;
const seed = Number(process.env["TASKWAL_SEED"] ?? 20_250_101);

const kinds: readonly StoreKind[] = [
  { name: "closed, with snapshots and mirrors", snapshots: true, mirrors: true, end: "closed" },
  { name: "closed, nothing but the log", snapshots: false, mirrors: false, end: "closed" },
  { name: "killed, with snapshots and mirrors", snapshots: true, mirrors: true, end: "killed" },
  {
    name: "killed, nothing but the log and its mirrors",
    snapshots: false,
    mirrors: true,
    end: "killed",
  },
  {
    name: "killed, HEAD behind, nothing but the log",
    snapshots: false,
    mirrors: false,
    end: "killed, HEAD behind",
  },
  {
    name: "torn, lived on, closed, nothing but the log",
    snapshots: false,
    mirrors: false,
    end: "torn, lived on, closed",
  },
];
const stores = await Promise.all(kinds.map(makeSmallStore));

const isLoss = ({ report }: Look): boolean => report.lost.length > 0;

/** The last batch of a killed store: what no promise covers. */
const isLastBatch = ({ durable }: SmallStore, { touched }: Harm): boolean =>
  [...touched].every((seq) => seq > durable) && touched.size > 0;

/** Looks at each harm; every new set of lost sequences is also followed up and refused. */
const campaign = async (small: SmallStore, harms: Iterable<Harm>): Promise<Tally> => {
  const { medium } = small;
  const tally = new Tally();
  const followed = new Set<string>();
  for (const harm of harms) {
    const look = await lookAt(small, medium, harm);
    tally.add(harm.file, look.verdict);
    if (look.verdict === "torn only") {
      expect(isLastBatch(small, harm), `${harm.file}, ${harm.what} is called torn`).toBe(true);
    }
    if (!isLoss(look) || followed.has(JSON.stringify(look.report.lost))) continue;
    followed.add(JSON.stringify(look.report.lost));
    await expectSettled(small, medium, look);
    await expectRefused(small, medium, harm, look.report.lost);
  }
  return tally;
};

function* everyBit(small: SmallStore, step: number): Generator<Harm> {
  for (const file of small.medium.names()) {
    const bits = small.medium.read(file).length * 8;
    const fileStep = file === "wal/HEAD" ? step * headStep : step;
    for (let bit = 0; bit < bits; bit += fileStep) yield flippedBit(small, file, bit);
  }
}

/** One bit of the newline of each line, which stands between two records: a stride misses most. */
function* everyLineEnd(small: SmallStore): Generator<Harm> {
  for (const [file, lines] of small.lines) {
    for (const { endBytes } of lines) yield flippedBit(small, file, endBytes * 8 - 6);
  }
}

function* everyCut(small: SmallStore, step: number): Generator<Harm> {
  for (const file of small.medium.names()) {
    const bytes = small.medium.read(file).length;
    const fileStep = file === "wal/HEAD" ? step * headStep : step;
    for (let at = 0; at < bytes; at += fileStep) yield cutFile(small, file, at);
  }
}

const fresh = (small: SmallStore): SmallStore => {
  small.medium.reset();
  return small;
};

/** With HEAD lost to a power cut, a file cut by somebody else is a second fault: nothing tells of its end. */
const whereHeadVouches = ({ end }: StoreKind, name: string, body: () => Promise<void>): void => {
  if (end !== "killed, HEAD behind") test(name, body, longMs);
};

describe.each(stores)("a store that was $kind.name", (small) => {
  const { kind, medium } = small;

  test("undamaged opens as it was, and has nothing to tell of damage", async () => {
    const harm = convertedFile("wal/HEAD", "left alone", (text) => text);
    const { verdict, report } = await lookAt(small, medium, harm);
    expect(verdict).toBe("same, quiet");
    expect(report.before).toBe(kind.end.endsWith("closed") ? "closed" : "crashed");
  });

  test(
    "no flipped bit ends in a silently different state, and costs no record but the one it is in",
    async () => {
      const tally = await campaign(small, [
        ...everyBit(fresh(small), bitStep),
        ...everyLineEnd(small),
      ]);
      tally.print(`${kind.name}: one bit flipped, every ${bitStep}th and one of each newline`);
      const torn = tally.count("torn only");
      print(`${torn} of ${tally.total} flips end as torn, all of them in the last batch`);
      if (kind.end === "killed, HEAD behind") expect(torn).toBeGreaterThan(0);
      else expect(torn).toBe(0);
      if (!kind.snapshots) expect(tally.count("lost, told", /jsonl$/)).toBeGreaterThan(0);
    },
    longMs,
  );

  whereHeadVouches(kind, "no file cut short ends in a silently different state", async () => {
    const tally = await campaign(small, everyCut(fresh(small), byteStep));
    tally.print(`${kind.name}: one file cut short, at every ${byteStep}th byte`);
    expect(tally.count("torn only")).toBe(0);
  });

  // Found here: with the segment of the second epoch gone, the torn batch that it overrode read again,
  // in the place of what had been acknowledged since, and only some of the loss was told.
  whereHeadVouches(kind, "no removed file ends in a silently different state", async () => {
    const tally = new Tally();
    for (const file of fresh(small).medium.names()) {
      const harm = removedFile(small, file);
      try {
        const look = await lookAt(small, medium, harm);
        tally.add(file, look.verdict);
        if (isLoss(look)) await expectSettled(small, medium, look);
      } catch (error) {
        if (!(error instanceof CorruptError)) throw error;
        // Only the beginning of a log without snapshots cannot be done without.
        expect([kind.snapshots, file]).toEqual([false, [...small.lines.keys()].toSorted()[0]]);
        tally.add(file, "refused");
      }
      medium.reset();
    }
    tally.print(`${kind.name}: one file removed`);
    expect(tally.count("torn only")).toBe(0);
  });

  test("line ends and byte order marks that a tool brought into a segment are named, and nothing is lost", async () => {
    const conversions = [
      ["CRLF line ends", (text: string) => text.replaceAll("\n", "\r\n")],
      ["a byte order mark", (text: string) => `\uFEFF${text}`],
    ] as const;
    for (const file of small.lines.keys()) {
      for (const [what, convert] of conversions) {
        const { report, verdict } = await lookAt(small, medium, convertedFile(file, what, convert));
        expect(verdict).toMatch(/^same/);
        expect(report.lost).toEqual([]);
        // What a snapshot covers is not read on opening.
        const lines = small.lines.get(file) ?? [];
        const isRead =
          Math.max(...lines.map(({ seq = 0 }) => seq)) > (report.snapshot?.sequence ?? 0);
        if (isRead) expect(report.notes.join("\n")).toContain(`${file} has ${what}`);
      }
    }
  });

  test("an entity that lost a mutation stays marked over ten snapshots, until it is accepted", async () => {
    const tally = new Tally();
    for (const [file, lines] of small.lines) {
      for (const { startBytes, seq } of lines) {
        if (seq === undefined) continue;
        const harm = flippedBit(small, file, (startBytes + 20) * 8 + 1);
        const look = await lookAt(small, medium, harm);
        if (look.expected.named.size === 0) continue;
        const settled = await expectSettled(small, medium, look);
        await expectAcceptable(small, medium, await expectStillMarked(small, medium, settled));
        tally.add(
          file,
          `${look.store.damaged.some(({ frozen }) => frozen) ? "frozen" : "marked"}, then accepted`,
        );
      }
    }
    tally.print(`${kind.name}: ten snapshots after a loss`);
    if (!kind.snapshots) expect(tally.total).toBeGreaterThan(5);
  });
});

describe("the same on a real disk", () => {
  const opened: { dispose(): void }[] = [];
  afterAll(() => {
    for (const medium of opened) medium.dispose();
  });

  test.each(stores)(
    "$kind.name: flipped bits and cut files, drawn by seed",
    async (small) => {
      const real = realMedium(fresh(small).medium);
      opened.push(real);
      const prng = new Prng(seed);
      const tally = new Tally();
      const here: SmallStore = { ...small, medium: real };
      for (let count = long ? 300 : 12; count > 0; count -= 1) {
        const harm = drawHarm(here, prng);
        await lookAndClose(here, real, harm, tally);
      }
      tally.print(`${small.kind.name}: on a real disk, seed ${seed}`);
      if (small.kind.end !== "killed, HEAD behind") expect(tally.count("torn only")).toBe(0);
    },
    longMs,
  );
});

const lookAndClose = async (
  small: SmallStore,
  medium: Medium,
  harm: Harm,
  tally: Tally,
): Promise<void> => {
  const look = await lookAt(small, medium, harm);
  tally.add(harm.file, look.verdict);
  if (look.verdict === "torn only") expect(isLastBatch(small, harm)).toBe(true);
  if (!isLoss(look)) {
    await look.store.close();
    return;
  }
  const second = await expectSettled(small, medium, look);
  await second.close();
  await expectRefused(small, medium, harm, look.report.lost);
};

/** Mostly of the log: there it matters. */
const drawHarm = (small: SmallStore, prng: Prng): Harm => {
  small.medium.reset();
  const names = small.medium.names().filter((name) => small.medium.read(name).length > 0);
  const wanted = prng.below(4) > 0 ? names.filter((name) => small.lines.has(name)) : names;
  const file = wanted[prng.below(wanted.length)] ?? "wal/HEAD";
  const bytes = small.medium.read(file).length;
  const mayCut = small.kind.end !== "killed, HEAD behind" && prng.below(5) === 0;
  return mayCut
    ? cutFile(small, file, prng.below(bytes))
    : flippedBit(small, file, prng.below(bytes * 8));
};
