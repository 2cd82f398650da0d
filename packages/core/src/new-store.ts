/**
 * A store that goes on from another one: its log, the snapshots that the log is folded onto, and state.json.
 *
 *     claim ─ header {parent} ─ records ─ $mark ─ snapshots under the new id ─ recovered ─ the same? ─ state.json
 *
 * The rule: it has an id of its own, so that no file of the one can be taken for the other's; and it is read back, by
 * the recovery of an opening that refuses all damage, before it gets its name.
 */
import { CorruptError } from "@taskwal/errors";
import type { Directory, Disk } from "@taskwal/disk";
import { hex32, walFolder, type PreviousSegment } from "@taskwal/format";
import { claimEpoch, listLog, recordCrc, type LogEntry } from "@taskwal/log";
import {
  listSnapshots,
  readSnapshot,
  saveSnapshot,
  type SnapshotSource,
  type WholeSnapshot,
} from "@taskwal/snapshot";
import type { Model } from "./define-model.ts";
import { schemaWith } from "./held-records.ts";
import type { HistorySnapshot, HistoryState } from "./history.ts";
import { recover } from "./recover.ts";
import { digestInTurns, snapshotParts, viewState } from "./snapshot-view.ts";
import { asJson, markType, type MarkData, type Origin } from "./system-record.ts";
import { writeLog } from "./write-log.ts";

/** A state of one sequence that is to be a snapshot of the new store. */
export interface SnapshotSeed {
  readonly sequence: number;
  readonly schema: SnapshotSource["head"]["schema"];
  readonly lastSaved: string;
  readonly parts: Pick<SnapshotSource, "summary" | "collections" | "engine">;
}

export interface NewStore {
  readonly disk: Disk;
  readonly model: Model;
  /** How it came about, for its `$mark`. */
  readonly by: "salvaged" | "restored" | "forked";
  readonly origin: Origin;
  /** What the directory holds of a log already: the last sequence, how the last segment is named, the highest epoch. */
  readonly behind: {
    readonly sequence: number;
    readonly previous?: PreviousSegment | undefined;
    readonly epoch: number;
  };
  readonly entries: AsyncIterable<LogEntry>;
  /** By sequence. */
  readonly snapshots: AsyncIterable<SnapshotSeed>;
  /** What the new store is to come to. */
  readonly expected: Pick<HistoryState, "state" | "keys">;
  readonly onProgress?:
    | ((at: { readonly sequence: number; readonly last: number }) => void)
    | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Durable on return but for the names in its folders. Throws CorruptError if it does not come to what is expected. */
export const fillStore = async (directory: Directory, made: NewStore): Promise<void> => {
  const { disk, model, by, origin, behind, expected, onProgress, signal } = made;
  const { clock } = disk;
  const store = Buffer.from(disk.randomBytes(16)).toString("hex");
  const digest = await digestInTurns(viewState(model, expected.state, expected.keys), clock);
  await directory.createFolder(walFolder);
  const epoch = await claimEpoch(directory, behind.epoch);
  const log = await writeLog(
    {
      directory,
      clock,
      store,
      epoch,
      continuation: {
        previous: behind.previous,
        first: behind.sequence + 1,
        carried: [],
        parent: { store: origin.store, last: origin.sequence, sha256: digest },
      },
      fence: () => undefined,
      signal,
      onProgress: (sequence) => onProgress?.({ sequence, last: origin.sequence }),
    },
    withMark(made.entries, { [by]: origin, name: by }, clock.now()),
  );
  await saveSeeds(directory, made, { store, epoch });
  signal?.throwIfAborted();
  const recovering = { directory, clock, model, storeHint: undefined, onDamage: "refuse" } as const;
  const { state, keys } = await recover(recovering);
  const view = viewState(model, state, keys);
  if ((await digestInTurns(view, clock)) !== digest)
    throw new CorruptError({
      file: directory.path,
      reason: "what was written reads back as another state",
    });
  const schema = schemaWith(model, state.held);
  const last_saved = new Date(clock.now()).toISOString();
  const head = { store, epoch, sequence: log.last, last: log.lastCrc, schema, last_saved };
  const parts = await snapshotParts(model, view, clock);
  await saveSnapshot(directory, { head, ...parts }, { clock, previous: undefined });
};

async function* withMark(
  entries: AsyncIterable<LogEntry>,
  data: MarkData,
  at: number,
): AsyncGenerator<LogEntry, void, void> {
  yield* entries;
  yield systemEntry(markType, data, at);
}

export const systemEntry = (type: string, data: object, at: number): LogEntry => ({
  draft: { at, type },
  dataJson: JSON.stringify(asJson(data)),
});

/** Each is bound to the line of its record in the new log, as an opening asks. */
const saveSeeds = async (
  directory: Directory,
  { disk: { clock }, snapshots }: Pick<NewStore, "disk" | "snapshots">,
  own: { readonly store: string; readonly epoch: number },
): Promise<void> => {
  const listing = await listLog(directory);
  for await (const { sequence, schema, lastSaved: last_saved, parts } of snapshots) {
    const segment = listing.segments.findLast(({ id }) => id.first <= sequence);
    const epoch = segment?.id.epoch ?? own.epoch;
    const place = { epoch, sequence };
    const last = (await recordCrc(listing, place, { directory, onReadError: "throw" })) ?? hex32(0);
    const head = { store: own.store, ...place, last, schema, last_saved };
    await saveSnapshot(directory, { head, ...parts }, { clock, previous: undefined });
  }
};

/** Those snapshots of a store, as they are; one that was replaced since is looked for by its sequence. */
export async function* seedsOf(
  source: Directory,
  wanted: readonly HistorySnapshot[],
): AsyncGenerator<SnapshotSeed, void, void> {
  for (const { sequence } of wanted) {
    const found = await listSnapshots(source);
    for (const { name } of found.filter((one) => one.sequence === sequence)) {
      const reading = await readSnapshot(source, name);
      if (!reading.ok || reading.head.sequence !== sequence) continue;
      yield seedOf(reading);
      break;
    }
  }
}

const seedOf = ({ head, summary, collections, engine }: WholeSnapshot): SnapshotSeed => ({
  sequence: head.sequence,
  schema: head.schema,
  lastSaved: head.last_saved,
  parts: {
    summary,
    collections: [...collections].map(([name, entities]) => ({ name, entities })),
    engine,
  },
});

/** A state of `sequence` as it is now. */
export const seedOfState = async (
  { disk: { clock }, model }: Pick<NewStore, "disk" | "model">,
  { state, keys }: NewStore["expected"],
  sequence: number,
): Promise<SnapshotSeed> => ({
  sequence,
  schema: schemaWith(model, state.held),
  lastSaved: new Date(clock.now()).toISOString(),
  parts: await snapshotParts(model, viewState(model, state, keys), clock),
});
