/**
 * Harmed directories of other programs, on a disk that fails now and then: the doctor always ends in a diagnosis, changes
 * nothing, and says of a file that it is well exactly if JSON.parse takes it, line by line.
 *
 * Method: random harm (doctor/harm.ts), beside JSON.parse as the reference. One trial again: TASKWAL_SEED=<seed>.
 * TASKWAL_LONG=1 takes a hundred times as many.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Prng } from "@taskwal/disk/sim";
import { diagnose, type Diagnosis, type FileReport } from "@taskwal/doctor";
import { describe, expect, it } from "vitest";
import { harmed } from "./doctor/harm.ts";
import { diskWith, folder, type Files } from "./doctor/planted.ts";
import { root } from "./systemprompt-fixtures.ts";

const seed = Number(process.env["TASKWAL_SEED"] ?? Math.floor(Math.random() * 2 ** 31));
const trials = process.env["TASKWAL_LONG"] === "1" ? 40_000 : 400;

const session = (count: number): string =>
  Array.from({ length: count }, (_, n) =>
    JSON.stringify({
      parentUuid: n === 0 ? null : `u${n - 1}`,
      uuid: `u${n}`,
      sessionId: "s",
      timestamp: "2026-05-01T10:00:00.000Z",
      message: { role: "user", content: [{ type: "text", text: `é ${n} \\ {"x":"y"}` }] },
    }),
  ).join("\n");
const rollout = (count: number): string =>
  Array.from({ length: count }, (_, n) =>
    JSON.stringify({
      timestamp: "2026-05-01T10:00:00.000Z",
      type: n === 0 ? "session_meta" : "response_item",
      payload: { id: "t", deep: [[[n]]] },
      ordinal: n,
    }),
  ).join("\n");

const sessions: Files = {
  "projects/p/s.jsonl": `${session(9)}\n`,
  "sessions/2026/rollout.jsonl": `${rollout(7)}\n`,
  "settings.json": '{"a":[1,{"b":"c"}],"é":true}\n',
  "settings.json.tmp": '{"a":1}',
  "tasks/1/ui_messages.json": '[{"ts":1746000000000,"say":"text"}]',
  "tasks/1/api_conversation_history.json": '[{"role":"user"}]',
  "state/taskHistory.json": '[{"id":"1"}]',
  "a.log": "one\ntwo\n",
};
const legacy: Files = Object.fromEntries(
  readdirSync(join(root, "odd/task-null"), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".json"))
    .map((name) => [name, readFileSync(join(root, "odd/task-null", name))]),
);

const harmedFiles = (random: Prng, files: Files): Map<string, Buffer> => {
  const all = new Map(Object.entries(files).map(([name, bytes]) => [name, Buffer.from(bytes)]));
  const names = [...all.keys()];
  for (let count = 1 + random.below(5); count > 0; count -= 1) {
    const name = names[random.below(names.length)] ?? "";
    const other = all.get(names[random.below(names.length)] ?? "") ?? Buffer.alloc(0);
    all.set(name, Buffer.from(harmed(random, all.get(name) ?? Buffer.alloc(0), other)));
    if (random.below(20) === 0) all.delete(name);
  }
  return all;
};

const isTaken = (text: string): boolean => {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
};
const withoutMark = (text: string): string => text.replace(/^\uFEFF/, "");
const isWide = (bytes: Buffer): boolean => bytes[0] === 0xff || bytes[0] === 0xfe;

/** Whether JSON.parse would take nothing or something else; letters that are no UTF-8 do not matter to it. */
const isSaidBroken = ({ findings }: FileReport): boolean =>
  findings.some(
    ({ kind, reason }) =>
      ["torn", "glued", "zeroed", "garbled"].includes(kind) && !reason.includes("no UTF-8"),
  );

const compare = (report: FileReport, bytes: Buffer): void => {
  const text = withoutMark(bytes.toString("utf8"));
  if (report.file.includes(".jsonl")) {
    const lines = text.split("\n").filter((line) => !/^[ \t\r]*$/.test(line));
    const taken = lines.filter(isTaken).length;
    if (!isWide(bytes)) expect(report.count).toBeGreaterThanOrEqual(taken);
    expect(isSaidBroken(report)).toBe(bytes.length === 0 || isWide(bytes) || taken < lines.length);
  } else if (!report.file.endsWith(".log")) {
    expect(isSaidBroken(report)).toBe(isWide(bytes) || !isTaken(text));
  }
};

const isBounded = ({ files, findings }: Diagnosis): boolean =>
  findings.length <= 1_000 &&
  files.every((file) => file.findings.length <= 20 && file.ids.length <= 10);

/** Every trial by itself, so that one that fails can be had again. */
const each = async (trial: (random: Prng) => Promise<void>): Promise<void> => {
  for (let number = 0; number < trials; number += 1) {
    try {
      await trial(new Prng(seed + number));
    } catch (error) {
      throw new Error(`TASKWAL_SEED=${seed + number}`, { cause: error });
    }
  }
};

describe(`a harmed directory of another program (seed ${seed})`, () => {
  it("is looked through to the end; a file is said to be broken exactly if JSON.parse does not take it", async () => {
    let broken = 0;
    await each(async (random) => {
      const files = harmedFiles(random, sessions);
      const sim = diskWith(Object.fromEntries(files));
      const calls = sim.callCount;
      const diagnosis = await diagnose(sim.process(), folder);
      expect(sim.callCount).toBe(calls);
      expect(isBounded(diagnosis)).toBe(true);
      expect(diagnosis.files.length).toBe(files.size);
      for (const report of diagnosis.files) {
        compare(report, files.get(report.file) ?? Buffer.alloc(0));
        if (isSaidBroken(report)) broken += 1;
      }
    });
    expect(broken).toBeGreaterThan(trials / 4);
  });

  it("of the systemprompt layout, on a disk that fails at random, ends in a diagnosis or in the error of its root", async () => {
    let refused = 0;
    await each(async (random) => {
      const sim = diskWith(Object.fromEntries(harmedFiles(random, legacy)));
      const calls = sim.callCount;
      const faults = random.stream("faults");
      const often = 2 + random.below(30);
      sim.fail(
        () => faults.below(often) === 0,
        random.pick(["EIO", "EACCES", "ENOENT", "ESTALE"]),
        {
          times: "forever",
        },
      );
      try {
        const diagnosis = await diagnose(sim.process(), folder);
        expect(isBounded(diagnosis)).toBe(true);
        refused += diagnosis.files.filter(({ found }) => found.unreadable !== undefined).length;
      } catch (error) {
        expect(error).toHaveProperty("code", expect.stringMatching(/^E[A-Z]+$/));
      }
      expect(sim.callCount).toBe(calls);
    });
    expect(refused).toBeGreaterThan(0);
  });
});
