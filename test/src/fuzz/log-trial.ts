/**
 * A whole small log with one file of it changed: listed and replayed from its first record.
 *
 *     base ─ records ─ lost ─ records ─ next            each sequence once, in order, nothing between
 *
 * The rule: it ends in one of the errors that are allowed, or in records that each stand in the files as
 * a line that verifies; it reads a bounded number of bytes.
 */
import type { Directory } from "@taskwal/disk";
import type { SimDisk } from "@taskwal/disk/sim";
import { listLog, replayLog } from "@taskwal/log";
import { CorruptError, UnsupportedFormatError } from "taskwal";
import { holds, parsed } from "./line-trial.ts";
import { isLine, saltOfFile } from "./reseal.ts";

/** Counts what is read of a simulated disk, and how often. */
export class ReadCount {
  calls = 0;
  bytes = 0;

  constructor(sim: SimDisk) {
    sim.fail(({ kind, startBytes = 0, endBytes = 0 }) => {
      this.calls += 1;
      if (kind === "read") this.bytes += endBytes - startBytes;
      return false;
    }, "EIO");
  }

  reset(): void {
    this.calls = 0;
    this.bytes = 0;
  }
}

export type LogVerdict =
  | "log: whole"
  | "log: lost or torn"
  | "log: CorruptError"
  | "log: UnsupportedFormatError";

/** Every line of a segment that verifies, however its newline and what a tool added stand. */
const linesOf = (files: ReadonlyMap<string, Buffer>, store: string): Set<string> => {
  const lines = new Set<string>();
  for (const [name, bytes] of files) {
    const salt = name.endsWith(".jsonl") ? saltOfFile(name, store) : undefined;
    if (salt === undefined) continue;
    const starts: number[] = [];
    for (let at = bytes.indexOf('{"crc":"'); at >= 0; at = bytes.indexOf('{"crc":"', at + 1))
      starts.push(at);
    for (const [index, start] of starts.entries()) {
      const newline = bytes.indexOf(0x0a, start);
      const stretch = newline < 0 ? bytes.length : newline;
      const ends = [stretch, stretch - 1, ...starts.slice(index + 1).map((next) => next - 1)];
      const end = ends.find(
        (one) => one > start && one <= stretch && isLine(bytes, start, one, salt),
      );
      if (end === undefined) continue;
      const value = parsed(bytes.toString("utf8", start, end));
      if (value !== undefined) lines.add(JSON.stringify(value));
    }
  }
  return lines;
};

interface LogTrial {
  readonly directory: Directory;
  readonly files: ReadonlyMap<string, Buffer>;
  readonly store: string;
  readonly reads: ReadCount;
}

/** Reads what is on the disk; `files` is the same, for the second reading. Throws a Finding, or what is not allowed. */
export const tryLog = async ({ directory, files, store, reads }: LogTrial): Promise<LogVerdict> => {
  reads.reset();
  try {
    const lines = linesOf(files, store);
    const isWhole = await replay(directory, lines);
    const size = [...files.values()].reduce((sum, { length }) => sum + length, 0);
    // A read asks for whole blocks and chunks, so calls are what is bounded tightly.
    holds(reads.calls < 400 + size, "more is read than the files can need", () => `${reads.calls}`);
    return isWhole ? "log: whole" : "log: lost or torn";
  } catch (error) {
    if (error instanceof CorruptError) return "log: CorruptError";
    if (error instanceof UnsupportedFormatError) return "log: UnsupportedFormatError";
    throw error;
  }
};

const replay = async (directory: Directory, lines: ReadonlySet<string>): Promise<boolean> => {
  const listing = await listLog(directory, undefined, { onReadError: "damage" });
  const options = { base: 0, promised: 0, onReadError: "damage" } as const;
  const steps = replayLog(directory, listing, options);
  let at = 0;
  let step = await steps.next();
  for (; !step.done; step = await steps.next()) {
    const found = step.value;
    if (found.kind === "lost") {
      holds(found.first === at + 1 && found.last >= found.first, "sequences are out of order");
      at = found.last;
    }
    if (found.kind !== "records") continue;
    for (const record of found.records) {
      holds(record.seq === at + 1, "records are out of order", () => `${record.seq} after ${at}`);
      holds(lines.has(JSON.stringify(record)), "a record is invented", () =>
        JSON.stringify(record),
      );
      at = record.seq;
    }
  }
  const { next, lost, torn, damaged, durable, lastKept } = step.value;
  holds(next === Math.max(durable, lastKept) + 1, "the next sequence is not behind all others");
  return lost.length + torn.length + damaged.length === 0;
};
