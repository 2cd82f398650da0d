/**
 * state.json and its ten backups: the whole committed state as of one sequence, as valid JSON.
 *
 * The rule: at no instant is there no valid state.json, and this package knows neither the log nor
 * what an entity means. See README.md.
 */
export { lazyArray, lazyObject, pieceText, type JsonPiece } from "./json-piece.ts";
export {
  headBytesMax,
  type HeadReading,
  type SnapshotHead,
  type SnapshotSource,
} from "./snapshot-format.ts";
export type { KnownState } from "./known-state.ts";
export { triesMax, unstable } from "./save-names.ts";
export { saveSnapshot, type SavedSnapshot, type SaveOptions } from "./save-snapshot.ts";
export { keepPreMigration } from "./pre-migration-backup.ts";
export { unshareState } from "./unshare-state.ts";
export {
  readSnapshot,
  readSnapshotHead,
  verifySnapshot,
  type SnapshotReading,
  type SnapshotVerification,
  type WholeSnapshot,
} from "./read-snapshot.ts";
export type { ScannedSnapshot, UnusableSnapshot } from "./scan-snapshot.ts";
export { listSnapshots, type SnapshotFile } from "./list-snapshots.ts";
export { chooseBackups } from "./choose-backups.ts";
export { pruneBackups, type PrunedBackups, type PruneOptions } from "./prune-backups.ts";
