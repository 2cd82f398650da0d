/**
 * state.json and its ten backups: the whole committed state as of one sequence, as valid JSON.
 *
 * The rule: at no instant is there no valid state.json, and this package knows neither the log nor
 * what an entity means. See docs/format.md.
 */
export { lazyArray, lazyObject, pieceText, type JsonPiece } from "./json-piece.ts";
export type { SnapshotHead, SnapshotSource } from "./snapshot-format.ts";
export { saveSnapshot, type KnownState, type SavedSnapshot, type SaveOptions } from "./save-snapshot.ts";
export { readSnapshot, readSnapshotHead, type HeadReading, type SnapshotReading } from "./read-snapshot.ts";
export { chooseBackups, listSnapshots, pruneBackups, type PrunedBackups, type SnapshotFile } from "./backups.ts";
export { unshareState } from "./copy-file.ts";
