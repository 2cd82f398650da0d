/**
 * Which file we mean by "our state.json".
 *
 *     known  ──compared with──>  what stands there        differs: edited or replaced by somebody
 *
 * The rule: a file that this process itself put there is never taken for an edit, also when the caller
 * did not learn of it (its folder could not be synced, or it was re-made at open).
 */
import type { Directory, FileStat } from "@taskwal/disk";

/** The identity of a file's bytes as far as the system tells: an edit or a replacement changes one of these. */
export type KnownState = Pick<FileStat, "inode" | "sizeBytes" | "modified">;

export const isSameState = (a: KnownState, b: KnownState): boolean =>
  a.inode === b.inode && a.sizeBytes === b.sizeBytes && a.modified === b.modified;

interface Replacement {
  /** What the caller knew. */
  readonly from: KnownState;
  /** What we put in its place. */
  readonly to: KnownState;
}

const replacements = new WeakMap<Directory, Replacement>();

/** Remembers that whoever knows `from` means `to`. */
export const noteReplacement = (
  directory: Directory,
  from: KnownState | undefined,
  to: KnownState,
): void => {
  if (from) replacements.set(directory, { from, to });
};

/** What a caller who knows `known` would know if he had been told. */
export const currentState = (
  directory: Directory,
  known: KnownState | undefined,
): KnownState | undefined => {
  const replacement = replacements.get(directory);
  return known && replacement && isSameState(replacement.from, known) ? replacement.to : known;
};
