/**
 * What an opening found and did: a value, an event ("recovered") and, if it found anything, a file
 * (`recovery/<UTC time>.json`).
 *
 * The rule: torn and lost are told apart. Torn was never acknowledged, except perhaps the last batch,
 * because a rotted last batch cannot be told from a torn one; lost was acknowledged.
 */
import type { DamagedBytes } from "@taskwal/log";
import type { HeldType } from "./held-records.ts";
import type { LostVersions, Span } from "./system-record.ts";

export interface RecoveryFacts {
  /** Names the report: the time of the opening, as in `recovery/<id>.json`. */
  readonly id: string;
  readonly dir: string;
  readonly store: string;
  readonly epoch: number;
  /** How the last owner left: "new" for a first opening. */
  readonly before: "new" | "closed" | "crashed";
  /** The snapshot that the state was built on, if any. */
  readonly snapshot: { readonly name: string; readonly sequence: number } | undefined;
  /** Snapshots that could not be used, and why. */
  readonly skipped: readonly { readonly name: string; readonly reason: string }[];
  /** Records that were folded on top of the snapshot. */
  readonly replayed: number;
  /** The last sequence of the recovered state. */
  readonly sequence: number;
  readonly torn: readonly DamagedBytes[];
  readonly tornRecords: number;
  readonly lost: readonly Span[];
  readonly entities: readonly LostVersions[];
  readonly unattributed: number;
  readonly damaged: readonly DamagedBytes[];
  /** Names of files and copies that were set aside. */
  readonly quarantined: readonly string[];
  /** What else a person should know, in sentences. */
  readonly notes: readonly string[];
  /**
   * Records and entities that the model does not know, by type: they wait for a program that does. Not counted
   * against `clean`: so it is at every opening until then.
   */
  readonly held: readonly HeldType[];
  /**
   * The text of reducers or schemas changed since the last opening, but none of the model's versions
   * did. Not counted against `clean`: a bundler changes texts too.
   */
  readonly modelChanged: boolean;
  readonly durationMs: number;
}

export interface RecoveryReport extends RecoveryFacts {
  /** True if there is nothing to tell: nothing torn, lost, damaged, skipped, set aside or noted. */
  readonly clean: boolean;
  /** For people: a few lines, no colours. */
  toText(): string;
}

export const recoveryReport = (facts: RecoveryFacts): RecoveryReport => {
  const clean =
    facts.torn.length +
      facts.lost.length +
      facts.damaged.length +
      facts.skipped.length +
      facts.quarantined.length +
      facts.notes.length ===
    0;
  return Object.freeze({ ...facts, clean, toText: () => textOf(facts, clean) });
};

/** Whether anything that was acknowledged, or a snapshot of it, no longer reads. */
export const isCorruption = ({ lost, damaged, skipped }: RecoveryFacts): boolean =>
  lost.length + damaged.length + skipped.length > 0;

const spans = (list: readonly Span[]): string =>
  list.map(([first, last]) => (first === last ? `@${first}` : `@${first} to @${last}`)).join(", ");

const counted = (count: number, one: string, many = `${one}s`): string =>
  `${count} ${count === 1 ? one : many}`;

const bytesOf = ({ file, startBytes, endBytes, reason }: DamagedBytes): string =>
  `${file}, bytes ${startBytes} to ${endBytes}: ${reason}`;

const heldText = ({ type, ids, records, sequence, id }: HeldType): string =>
  records === 0
    ? `${counted(ids, "entity", "entities")} of the kind ${type}, which this program does not know`
    : `${counted(records, "record")} of ${counted(ids, "id")} (${id} first, from @${sequence} on) wait for a program that knows ${type}`;

const textOf = (facts: RecoveryFacts, clean: boolean): string => {
  const base = facts.snapshot ? `${facts.snapshot.name} (@${facts.snapshot.sequence})` : "nothing";
  const lines = [
    `${facts.dir}: ${facts.before === "new" ? "a new store" : `opened at @${facts.sequence}`}, epoch ${facts.epoch}` +
      ` (${base} + ${facts.replayed} records, ${Math.round(facts.durationMs)} ms)`,
  ];
  if (facts.before === "crashed") lines.push("  the last owner did not close it");
  if (facts.torn.length > 0) {
    lines.push(
      `  torn: ${counted(facts.tornRecords, "whole record")} in ${counted(facts.torn.length, "stretch", "stretches")} behind the last promise;`,
      "        may include acknowledged records of the last batch, if it rotted",
    );
    for (const torn of facts.torn) lines.push(`        ${bytesOf(torn)}`);
  }
  if (facts.lost.length > 0)
    lines.push(`  LOST: ${spans(facts.lost)} were acknowledged and no longer read`);
  for (const { entity, id, versions } of facts.entities) {
    lines.push(`        ${entity} ${id} lost its mutations ${versions[0]} to ${versions[1]}`);
  }
  if (facts.unattributed > 0)
    lines.push(`        ${facts.unattributed} of them belong to entities unknown`);
  for (const damaged of facts.damaged) lines.push(`  damaged: ${bytesOf(damaged)}`);
  for (const { name, reason } of facts.skipped) lines.push(`  not used: ${name}: ${reason}`);
  for (const name of facts.quarantined) lines.push(`  set aside: ${name}`);
  for (const held of facts.held) lines.push(`  held: ${heldText(held)}`);
  for (const note of facts.notes) lines.push(`  note: ${note}`);
  if (facts.modelChanged)
    lines.push(
      "  the model's reducers changed since the last opening, but none of its versions did",
    );
  if (clean && facts.before !== "crashed") lines.push("  nothing was torn, lost or damaged");
  return lines.join("\n");
};
