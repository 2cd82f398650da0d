/**
 * Damages a copy of a crashed store, and opens it: how each kind is told and survived.
 *
 *     flip   one bit in the middle of the log: an acknowledged record rots
 *     cut    the last bytes of the log: the last line is torn
 */
import { cpSync, readdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Acknowledged } from "./demo-kills.ts";
import { countStore } from "./demo-count.ts";
import { openTaskStore } from "@taskwal/tasks";

export interface DamageStory {
  /** What was done, in words. */
  readonly done: string;
  /** What the opening told: the report's lines. */
  readonly told: string;
  /** Tasks in the store afterwards. */
  readonly tasks: number;
  /** Acknowledged log lines that are gone. */
  readonly missing: number;
  /** Whether the opening told of the damage, and of at least what is missing. */
  readonly isTold: boolean;
}

const lastSegment = (dir: string): string => {
  const names = readdirSync(join(dir, "wal")).filter((name) => name.endsWith(".jsonl"));
  return join(dir, "wal", names.toSorted().at(-1) ?? "");
};

/** Flips one bit of the text of a log entry in the middle of the last segment. */
export const flipABit = (
  crashed: string,
  copy: string,
  acknowledged: Acknowledged,
): Promise<DamageStory> => {
  cpSync(crashed, copy, { recursive: true });
  const file = lastSegment(copy);
  const bytes = readFileSync(file);
  const middle = bytes.indexOf('"message":"demo', Math.floor(bytes.length / 2));
  const at = middle < 0 ? bytes.lastIndexOf('"message":"demo') : middle;
  const place = at + '"message":"'.length;
  bytes[place] = (bytes[place] ?? 0) ^ 1;
  writeFileSync(file, bytes);
  return open(
    copy,
    acknowledged,
    `flipped bit 0 of byte ${place} of ${nameOf(file)} ("demo" is "eemo" now)`,
  );
};

const cutBytes = 20;

/** Cuts the end off the last line. */
export const cutATail = (
  crashed: string,
  copy: string,
  acknowledged: Acknowledged,
): Promise<DamageStory> => {
  cpSync(crashed, copy, { recursive: true });
  const file = lastSegment(copy);
  truncateSync(file, readFileSync(file).length - cutBytes);
  return open(copy, acknowledged, `cut the last ${cutBytes} bytes off ${nameOf(file)}`);
};

const nameOf = (file: string): string => `wal/${file.split("/").at(-1)}`;

const open = async (
  dir: string,
  acknowledged: Acknowledged,
  done: string,
): Promise<DamageStory> => {
  const store = await openTaskStore({ dir });
  const { recovery } = store;
  const tasks = store.list().length;
  await store.close();
  const { missing } = countStore(dir, acknowledged);
  const lost = recovery.lost.reduce((sum, [first, last]) => sum + last - first + 1, 0);
  // What is torn may be of the last batch; nothing before it may be missing without being named.
  const isTold = recovery.torn.length > 0 || (lost > 0 && lost >= missing);
  return { done, told: recovery.toText(), tasks, missing, isTold };
};
