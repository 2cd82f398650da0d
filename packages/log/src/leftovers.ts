/**
 * What openings and rotations that did not come through left in `wal/`.
 *
 *     …-00000004.jsonl   00000004.claim   00000005.claim      stay: the owner of 4 looks for both
 *     …-00000007.jsonl.tmp                                    a segment that was never put in its place
 *     00000006.claim   00000007.claim                         claims of epochs that wrote nothing
 *
 * The rule: only for one whom a kernel lock keeps alone: the owner of an epoch that has no segment yet is fenced by the
 * next claim. A claim goes only if neither its epoch nor the one before has a segment, the oldest first.
 */
import type { Directory } from "@taskwal/disk";
import { claimName, parseClaimName, parseSegmentName, walFolder } from "@taskwal/format";

/**
 * Removes them; `own` is the epoch that the caller has claimed. Not synced: what comes back harms nothing. Errors of the
 * disk pass through.
 */
export const removeLeftovers = async (directory: Directory, own: number): Promise<void> => {
  const names = await directory.list(walFolder);
  for (const name of names) {
    const unplaced = name.endsWith(temporary)
      ? parseSegmentName(name.slice(0, -temporary.length))
      : undefined;
    if (unplaced && unplaced.epoch < own) await directory.remove(`${walFolder}/${name}`);
  }
  const written = new Set(names.flatMap((name) => parseSegmentName(name)?.epoch ?? []));
  const claims = names.flatMap((name) => parseClaimName(name) ?? []).toSorted((a, b) => a - b);
  for (const epoch of claims)
    if (epoch < own && !written.has(epoch) && !written.has(epoch - 1))
      await directory.remove(claimName(epoch));
};

const temporary = ".tmp";
