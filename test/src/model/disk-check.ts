/**
 * What lies on the disk, against the reference: the records of the log, and the snapshots.
 *
 *     records()   dense from the oldest that is kept to the last durable one; each what was asked, once
 *     state.json  exactly the state of the sequence that it claims
 */
import type { LogRecord } from "@taskwal/format";
import type { SimDisk } from "@taskwal/disk/sim";
import { Broken } from "../crash/inspect.ts";
import { sameValue, type Change } from "../crash/ledger.ts";
import type { NoteStore } from "../crash/note-store.ts";
import { snapshotPaths } from "../crash/snapshot-check.ts";
import { readSnapshotFile, type Collections } from "../crash/snapshot-file.ts";
import type { Entry, Reference } from "./reference.ts";

const collections: Collections = {
  notes: { entity: "note", list: "lines" },
  tallies: { entity: "tally", list: "" },
};

const isRecordOf = (record: LogRecord, { change, after }: Entry["steps"][number]): boolean => {
  const { type, id, n, data } = record;
  const expected = change.type === "lines" ? "note.lines.appended" : change.type;
  return (
    type === expected &&
    id === change.id &&
    n === after.version &&
    sameValue(data, payloadOf(change))
  );
};

const payloadOf = ({ payload }: Change): unknown => payload;

/** Reads the whole log that is kept; learns the sequences of calls whose answer was never heard. */
export const checkRecords = async (store: NoteStore, reference: Reference): Promise<void> => {
  const last = store.sequence;
  const records: LogRecord[] = [];
  for await (const record of store.records()) records.push(record);
  const [oldest] = records;
  for (const [at, { seq }] of records.entries()) {
    if (seq !== (oldest?.seq ?? 0) + at)
      throw new Broken("sequences are dense", `@${seq} stands at ${at} from @${oldest?.seq}`);
  }
  if ((records.at(-1)?.seq ?? last) < last)
    throw new Broken(
      "records() gives all that is durable",
      `up to @${records.at(-1)?.seq} of @${last}`,
    );
  matchRecords(
    records.filter(({ type, seq }) => !type.startsWith("$") && seq <= last),
    reference,
    oldest?.seq ?? last + 1,
  );
};

/** From the last to the first, since the oldest may be pruned. */
const matchRecords = (
  records: readonly LogRecord[],
  reference: Reference,
  oldest: number,
): void => {
  let at = records.length - 1;
  const durable = reference.visible.slice(0, reference.durableCount);
  for (const entry of durable.toReversed()) {
    const sequences: number[] = [];
    for (const step of entry.steps.toReversed()) {
      const record = records[at];
      if (!record) break;
      const claimed = entry.sequences?.[entry.steps.indexOf(step)];
      if (!isRecordOf(record, step) || (claimed !== undefined && claimed !== record.seq))
        throw new Broken(
          "I1 each record is what was asked, at its sequence",
          JSON.stringify({ record, step: step.change, claimed }),
        );
      sequences.unshift(record.seq);
      at -= 1;
    }
    if (sequences.length < entry.steps.length) {
      const end = entry.sequences?.at(-1);
      if (end !== undefined && end < oldest) break;
      throw new Broken(
        "I1 each record is what was asked, at its sequence",
        `${JSON.stringify(entry.asked)} @${end} has no record`,
      );
    }
    entry.sequences ??= sequences;
  }
  if (at >= 0)
    throw new Broken("I2 nothing is in the log that was not asked", JSON.stringify(records[at]));
};

/** Every state.json and backup that stands there. */
export const checkSnapshots = (sim: SimDisk, reference: Reference): void => {
  for (const path of snapshotPaths(sim)) {
    const { sequence, dump } = readSnapshotFile(sim.readRaw(path), collections);
    const expected = reference.dumpAt(sequence);
    if (dump !== expected)
      throw new Broken(
        "I8 a snapshot is exactly the state of its sequence",
        `${path} @${sequence}:\n${dump}\n-- not --\n${expected}`,
      );
    if (reference.countAt(sequence) > reference.durableCount)
      throw new Broken("I8 a snapshot holds only what is durable", `${path} @${sequence}`);
  }
};
