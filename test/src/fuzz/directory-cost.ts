/**
 * What one harmed file may cost: the records whose lines it took, and those of the same transactions.
 *
 *     wal/…jsonl   | 2 | 3 | 4 | 5 |      lost may be 4, and 5 with it if they are of one transaction
 *                         xxx             never 2 and 3, and nothing of any other file
 *
 * The rule: what still stands is looked up in the harmed bytes, line by line as it was, before anything
 * is asked of the store.
 */
import type { RecoveryReport } from "taskwal";
import type { Harmed } from "./directory-harm.ts";
import type { FuzzStore } from "./fuzz-store.ts";
import { holds } from "./line-trial.ts";

interface RecordLine {
  readonly seq: number;
  readonly tx?: readonly [index: number, count: number];
}

/** By sequence: whether the line stands as it did. A sequence that two segments hold counts as either does. */
const standing = ({ files: before }: FuzzStore, { files }: Harmed): Map<number, boolean> => {
  const stands = new Map<number, boolean>();
  for (const [name, bytes] of before) {
    if (!name.endsWith(".jsonl")) continue;
    const now = files.get(name)?.toString("latin1") ?? "";
    const members: { seq: number; tx: RecordLine["tx"]; isThere: boolean }[] = [];
    for (const line of bytes.toString("latin1").split("\n").slice(0, -1)) {
      const record = recordIn(line);
      if (!record) continue;
      members.push({ seq: record.seq, tx: record.tx, isThere: now.includes(`${line}\n`) });
    }
    for (const { seq, tx } of members) {
      const [index, count] = tx ?? [1, 1];
      const first = seq - index + 1;
      const mates = members.filter((one) => one.seq >= first && one.seq < first + count);
      const isWhole = mates.length >= count && mates.every(({ isThere }) => isThere);
      stands.set(seq, (stands.get(seq) ?? false) || isWhole);
    }
  }
  return stands;
};

/** Undefined for other lines, and for what a crash tore. */
const recordIn = (line: string): RecordLine | undefined => {
  try {
    const value = JSON.parse(line) as Partial<RecordLine>;
    return value.seq === undefined ? undefined : (value as RecordLine);
  } catch {
    return undefined;
  }
};

/**
 * Throws a Finding if a record is lost that stands as it did. A file under a new name is another matter:
 * by its name it may override what others hold.
 */
export const judgeCost = (store: FuzzStore, harmed: Harmed, report: RecoveryReport): void => {
  if ([...harmed.changed].some((name) => !store.files.has(name))) return;
  const stands = standing(store, harmed);
  for (const [first, last] of report.lost)
    for (const [seq, isThere] of stands)
      holds(
        seq < first || seq > last || !isThere,
        "a record is lost that nobody harmed",
        () => `@${seq}`,
      );
};
