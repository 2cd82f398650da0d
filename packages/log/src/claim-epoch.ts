/**
 * Who may write: `wal/<epoch>.claim`, created exclusively.
 *
 * A claim comes before the claimant reads, and is looked for after each sync and before the
 * acknowledgement; so whatever an older owner acknowledged is there when the newer one reads it.
 * The rule: epochs are claimed one by one, and a claim stays as long as a segment of the epoch before
 * it, so the owner of epoch e need only look for its own claim and that of e + 1.
 */
import { errnoOf } from "@taskwal/errors";
import type { Directory } from "@taskwal/disk";
import {
  claimName,
  decodeHead,
  parseClaimName,
  parseSegmentName,
  walFolder,
} from "@taskwal/format";
import { readHeads } from "./head-file.ts";

/**
 * Claims the next epoch above all that were ever claimed, written, named in HEAD or in `atLeast`; durable
 * on return. Above HEAD's too: a segment that HEAD names overrides those of lower epochs, also where
 * neither it nor its claim is there any more (a newer HEAD beside older segments).
 */
export const claimEpoch = async (directory: Directory, atLeast: number): Promise<number> => {
  const named = await epochInHead(directory);
  for (;;) {
    const names = await directory.list(walFolder);
    const used = names.map((name) => parseClaimName(name) ?? parseSegmentName(name)?.epoch ?? 0);
    const epoch = Math.max(atLeast, named, ...used) + 1;
    try {
      await (await directory.create(claimName(epoch))).close();
    } catch (error) {
      if (errnoOf(error) === "EEXIST") continue;
      throw error;
    }
    // Without this a power cut could take the claim back, and with it the fence.
    await directory.syncFolder(walFolder);
    return epoch;
  }
};

/** 0 if HEAD does not tell. */
const epochInHead = async (directory: Directory): Promise<number> => {
  try {
    const bytes = await readHeads(directory);
    return (bytes && decodeHead(bytes)?.head.epoch) ?? 0;
  } catch (error) {
    // Whoever lists the log meets it, and judges it.
    if (errnoOf(error) !== "EIO") throw error;
    return 0;
  }
};

/**
 * Takes back the claim of an opening that failed before there was a segment of its epoch, so that one that tries again
 * and again leaves no more behind. Only for an opener whom a kernel lock keeps alone: between two openers
 * without one, the lower claim may be what fences an owner before both. Not synced: a claim that comes
 * back harms nothing.
 */
export const withdrawClaim = async (directory: Directory, epoch: number): Promise<void> => {
  const names = await directory.list(walFolder);
  if (names.some((name) => (parseClaimName(name) ?? 0) > epoch)) return;
  if (names.some((name) => parseSegmentName(name)?.epoch === epoch)) return;
  await directory.remove(claimName(epoch));
};

/**
 * Whether a later owner has claimed the log. That one's claim is the next; but where others came and
 * went since, theirs may be pruned already, and then the own one went before it. Does not give up its
 * turn of the event loop.
 */
export const isOverridden = (directory: Directory, epoch: number): boolean =>
  directory.statSync(claimName(epoch + 1)) !== undefined ||
  directory.statSync(claimName(epoch)) === undefined;

/** Removes claims that no segment needs any more, the oldest first. Not synced: one that comes back harms nothing. */
export const pruneClaims = async (directory: Directory, own: number): Promise<void> => {
  const names = await directory.list(walFolder);
  const segments = names.flatMap((name) => parseSegmentName(name)?.epoch ?? []);
  const oldest = Math.min(own, ...segments);
  const claims = names.flatMap((name) => parseClaimName(name) ?? []).toSorted((a, b) => a - b);
  for (const epoch of claims) if (epoch < oldest) await directory.remove(claimName(epoch));
};
