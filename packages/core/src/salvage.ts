/**
 * Everything that can be read of a store, past damage, as a store of its own.
 *
 *     source (read only)   |1 … 40|xxxx|45 … 60|torn
 *     into                 |1 … 40|$lost × 4|45 … 60|$gap|$recovered …|$mark {salvaged}|
 *
 * The rule: sequences stay what they are: where a record was there is one that says it is lost, so that no answer of the
 * new store crosses the hole in silence, and each of its lines verifies.
 */
import { openNodeDisk, type Disk } from "@taskwal/disk";
import { recoveryFolder, timeStamp } from "@taskwal/format";
import type { LogEntry } from "@taskwal/log";
import { replaceFile, type Directory } from "@taskwal/disk";
import { RecentKeys } from "./idempotency.ts";
import { makeDirectory } from "./new-directory.ts";
import { fillStore, seedOfState, seedsOf, systemEntry, type SnapshotSeed } from "./new-store.ts";
import {
  readSalvageable,
  type Salvageable,
  type SalvagePlan,
  type SalvageSource,
} from "./plan-salvage.ts";
import { recordsBetween } from "./rollback-plan.ts";
import { openForReading } from "./state-directory.ts";
import { State } from "./state.ts";
import { gapType, lostType, recoveredType, type GapData, type LostData } from "./system-record.ts";
import { entriesOf } from "./write-log.ts";

export interface SalvageOptions extends SalvageSource {
  /** The new directory: missing or empty, and not within `dir`. */
  readonly to: string;
}

/**
 * On return `to` is durable, complete and closed, and was read back and compared; `dir` is as it was. What was kept is
 * returned, which is more than was planned if the source's owner has gone on. Throws as `planSalvage`,
 * DiskFailedError if `to` is in use, and the signal's reason; then `to` is as it was.
 */
export const salvage = async (options: SalvageOptions): Promise<SalvagePlan> => {
  const { disk = openNodeDisk(), dir, to, model } = options;
  const { signal } = options;
  const place = { disk, from: dir, to, operation: "salvage", signal };
  return makeDirectory(place, async (directory) => {
    const read = await readSalvageable({ ...options, disk });
    const { plan, history } = read;
    const id = timeStamp(disk.clock.now());
    const source = await openForReading({ disk, dir });
    try {
      await fillStore(directory, {
        disk,
        model,
        by: "salvaged",
        origin: { store: plan.store, sequence: plan.last },
        behind: { sequence: plan.first - 1, epoch: history.listing.epochMax },
        entries: entriesIn(source, read, { id, at: disk.clock.now() }),
        snapshots: snapshotsOf(source, options, read, disk),
        expected: read,
        onProgress: options.onProgress,
        signal,
      });
      await writeReport(directory, id, plan);
      return plan;
    } finally {
      await source.close();
    }
  });
};

interface Report {
  readonly id: string;
  readonly at: number;
}

async function* entriesIn(
  source: Directory,
  { history, plan, recoveries, gap }: Salvageable,
  { id: report, at }: Report,
): AsyncGenerator<LogEntry, void, void> {
  const { first, last } = plan;
  const records = recordsBetween(source, first - 1, last, history.end.durable);
  yield* entriesOf(records, { first, last }, (hole) =>
    systemEntry(lostType, { lost: [hole] } satisfies LostData, at),
  );
  // Damaged bytes are the source's: there are none here.
  const data: GapData = { ...gap, bytes: [], report };
  if (gap.lost.length > 0) yield systemEntry(gapType, data, at);
  if (beginsInHole(plan))
    yield systemEntry(lostType, { lost: [[1, first - 1]] } satisfies LostData, at);
  for (const recovery of recoveries) yield systemEntry(recoveredType, recovery, at);
}

const beginsInHole = ({ base, first }: SalvagePlan): boolean => !base && first > 1;

async function* snapshotsOf(
  source: Directory,
  { model }: SalvageOptions,
  { plan, history }: Salvageable,
  disk: Disk,
): AsyncGenerator<SnapshotSeed, void, void> {
  // A log that begins above 1 needs something to stand on, if it is nothing.
  const nothing = { state: new State(model), keys: new RecentKeys() };
  if (beginsInHole(plan)) yield await seedOfState({ disk, model }, nothing, plan.first - 1);
  yield* seedsOf(source, history.snapshots);
}

/** `recovery/<id>.json`: what was kept and what was lost. */
const writeReport = async (directory: Directory, id: string, plan: SalvagePlan): Promise<void> => {
  await directory.createFolder(recoveryFolder);
  const text = `${JSON.stringify({ id, salvaged: plan }, null, 2)}\n`;
  await replaceFile(directory, `${recoveryFolder}/${id}.json`, Buffer.from(text, "utf8"));
};
