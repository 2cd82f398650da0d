/**
 * What an opening would do with a directory as it is now: the very code of one, up to where it would begin to write.
 *
 *     recover ─┬─ what it goes on from, what it passes over, what is new to it of loss and damage
 *              └─ throws: the opening would refuse, and change nothing
 *
 * The rule: reads only. That a living owner holds the directory is no part of it.
 */
import { openNodeDisk, type Disk } from "@taskwal/disk";
import { StoreError } from "@taskwal/errors";
import type { DamagedBytes } from "@taskwal/log";
import { besideWriter } from "./beside-writer.ts";
import type { Model } from "./define-model.ts";
import { assertMigrationFits } from "./migration.ts";
import { storeHintOf } from "./owner-lock.ts";
import { isLeft } from "./reader-host.ts";
import { recover } from "./recover.ts";
import { diskErrors, openForReading } from "./state-directory.ts";
import type { Span } from "./system-record.ts";

export interface PlanOpeningOptions {
  readonly dir: string;
  readonly model: Model;
  /** Default: the real one. */
  readonly disk?: Disk | undefined;
}

export interface OpeningPlan {
  /** Why it would not open; undefined if it would. */
  readonly refusal: StoreError | RangeError | undefined;
  /** What it would begin with; undefined: with nothing. */
  readonly snapshot: { readonly name: string; readonly sequence: number } | undefined;
  /** Snapshots that it would not use. */
  readonly passedOver: readonly { readonly name: string; readonly reason: string }[];
  /** The last sequence that would be in the state. */
  readonly last: number;
  /** Sequences that it would put on record as lost. */
  readonly lost: readonly Span[];
  /** What it would set aside as damaged. */
  readonly damaged: readonly DamagedBytes[];
  /** How many bytes of what a crash cut off it would set aside. */
  readonly tornBytes: number;
  /** Entities that it would migrate. */
  readonly migrated: number;
}

const bytesOf = (stretches: readonly DamagedBytes[]): number =>
  stretches.reduce((sum, { startBytes, endBytes }) => sum + endBytes - startBytes, 0);

/** With `onDamage: "salvage"`. Throws DiskFailedError where the directory cannot be read at all. */
export const planOpening = async ({
  disk = openNodeDisk(),
  dir,
  model,
}: PlanOpeningOptions): Promise<OpeningPlan> => {
  const directory = await openForReading({ disk, dir });
  const options = { directory, clock: disk.clock, model, onDamage: "salvage" } as const;
  try {
    const found = await diskErrors("open", directory.path, async () => {
      // What a living owner has not yet promised may yet go.
      const durableOnly = !(await isLeft(disk, directory));
      const storeHint = await storeHintOf(directory);
      return besideWriter(directory, async () => {
        const recovered = await recover({ ...options, storeHint, durableOnly });
        await assertMigrationFits(directory, model, recovered);
        return recovered;
      });
    });
    const { snapshot, skipped, folded, newLost, newDamaged, end, migrated } = found;
    return {
      refusal: undefined,
      snapshot: snapshot && { name: snapshot.name, sequence: snapshot.reading.head.sequence },
      passedOver: skipped,
      last: folded,
      lost: newLost,
      damaged: newDamaged,
      tornBytes: bytesOf(end.torn),
      migrated: migrated.length,
    };
  } catch (refusal) {
    // A migration that is too large to be written down is a RangeError.
    if (!(refusal instanceof StoreError || refusal instanceof RangeError)) throw refusal;
    const none = { snapshot: undefined, passedOver: [], last: 0, lost: [], damaged: [] };
    return { ...none, refusal, tornBytes: 0, migrated: 0 };
  } finally {
    await directory.close();
  }
};
