/**
 * P7: 2,000 log lines of 1 KiB onto one task: the case in which whole files are written again and again.
 *
 *     awaited      the next line is logged once the one before is durable
 *     as they come ours only: an agent's output does not wait; all of it is durable at the end
 *
 *     ours         one line of the log per entry; state.json and the task's mirror behind it
 *     theirs       the documented way at our durability: the task's file, whole, per entry, one after the other
 *
 * The rule: ours with all defaults, mirrors included. Bytes are those of the files, each counted once; of the
 * documented way it is what was written, because nearly all of that is gone again.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { openTaskStore } from "taskwal";
import { sized, type Benchmark } from "./benchmark.ts";
import { entityId } from "./contender.ts";
import { DocumentedWay } from "./documented-way.ts";
import { folderBytes } from "./folder-size.ts";
import { randomText } from "./payload.ts";
import { rowOf, type Row } from "./row.ts";

const lineBytes = 1_024;
const task = { id: entityId(1), description: "many lines", tool: "CLAUDECODE" } as const;

interface Lines {
  readonly linesPerSecond: number;
  /** Lines that nobody waited for one by one. */
  readonly togetherPerSecond: number;
  readonly logBytes: number;
  readonly allBytes: number;
}

const entryOf = (message: string): { level: "info"; type: "output"; message: string } => ({
  level: "info",
  type: "output",
  message,
});

const ours = async (dir: string, messages: readonly string[]): Promise<Lines> => {
  const awaited = await logged(join(dir, "awaited"), messages, async (log) => {
    for (const message of messages) await log(message);
  });
  const together = await logged(join(dir, "together"), messages, async (log) => {
    await Promise.all(messages.map(log));
  });
  return { ...awaited, togetherPerSecond: together.linesPerSecond };
};

const logged = async (
  dir: string,
  messages: readonly string[],
  work: (log: (message: string) => Promise<unknown>) => Promise<void>,
): Promise<Omit<Lines, "togetherPerSecond">> => {
  const store = await openTaskStore({ dir });
  await store.create(task);
  const startMs = performance.now();
  await work((message) => store.log(task.id, entryOf(message)));
  const ms = performance.now() - startMs;
  const logBytes = folderBytes(join(dir, "wal"));
  await store.close();
  const linesPerSecond = (messages.length * 1_000) / ms;
  return { linesPerSecond, logBytes, allBytes: folderBytes(dir) };
};

const documented = async (dir: string, messages: readonly string[]): Promise<Lines> => {
  const way = new DocumentedWay(dir);
  const logs: unknown[] = [];
  const startMs = performance.now();
  for (const message of messages) {
    logs.push({ timestamp: new Date().toISOString(), ...entryOf(message) });
    // Two spaces, as it writes its files today.
    await way.saveTask(task.id, JSON.stringify({ ...task, logs }, null, 2));
  }
  const ms = performance.now() - startMs;
  const { writtenBytes } = way;
  const linesPerSecond = (messages.length * 1_000) / ms;
  return {
    linesPerSecond,
    togetherPerSecond: linesPerSecond,
    logBytes: writtenBytes,
    allBytes: writtenBytes,
  };
};

export const logLines: Benchmark = {
  name: "P7",
  what: "2,000 log lines of 1 KiB onto one task: bytes, and time beside the documented way",
  run: async (bench): Promise<Row[]> => {
    const lines = sized(bench, { full: 2_000, quick: 400, tiny: 20 });
    const messages = Array.from({ length: lines }, (_, index) => randomText(lineBytes, index + 1));
    const rounds = { ours: [] as Lines[], theirs: [] as Lines[] };
    // Quadratic work: fewer rounds than elsewhere.
    const count = Math.min(3, bench.rounds);
    for (let round = 0; round < count; round += 1) {
      const dir = join(bench.dir, String(round));
      mkdirSync(dir);
      bench.progress(`round ${round + 1} of ${count}: ours`);
      rounds.ours.push(await ours(join(dir, "store"), messages));
      bench.progress(`round ${round + 1} of ${count}: the documented way`);
      rounds.theirs.push(await documented(join(dir, "documented"), messages));
    }
    return rowsOf(lines, rounds);
  },
};

const rowsOf = (
  lines: number,
  { ours, theirs }: { readonly ours: readonly Lines[]; readonly theirs: readonly Lines[] },
): Row[] => {
  const name = `P7 ${lines.toLocaleString("en-US")} log lines of 1 KiB`;
  const kibibytes = (of: readonly number[]): number[] => of.map((bytes) => bytes / 1_024);
  const payload = ours.map(() => lines * lineBytes);
  const logged = ours.map(({ logBytes }) => logBytes);
  const all = ours.map(({ allBytes }) => allBytes);
  const written = theirs.map(({ allBytes }) => allBytes);
  const unit = "KiB";
  return [
    rowOf({
      name: `${name}: bytes of the log, beside the payload`,
      unit,
      ours: kibibytes(logged),
      theirs: kibibytes(payload),
      goal: { ratioAtMost: 1.3 },
    }),
    rowOf({
      name: `${name}: bytes of all files after close, beside the payload`,
      unit,
      ours: kibibytes(all),
      theirs: kibibytes(payload),
      goal: { ratioAtMost: 3.5 },
    }),
    rowOf({
      name: `${name}: bytes of all files after close, beside what the documented way wrote`,
      unit,
      ours: kibibytes(all),
      theirs: kibibytes(written),
    }),
    rowOf({
      name: `${name}, as they come: the documented way at the same durability`,
      unit: "lines/s",
      ours: ours.map(({ togetherPerSecond }) => togetherPerSecond),
      theirs: theirs.map(({ togetherPerSecond }) => togetherPerSecond),
      goal: { ratioAtLeast: 50 },
    }),
    rowOf({
      name: `${name}, each awaited: the documented way at the same durability`,
      unit: "lines/s",
      ours: ours.map(({ linesPerSecond }) => linesPerSecond),
      theirs: theirs.map(({ linesPerSecond }) => linesPerSecond),
      goal: { ratioAtLeast: 50 },
    }),
  ];
};
