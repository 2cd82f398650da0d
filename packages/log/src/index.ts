/** The write-ahead log: records, in order, in segment files. It knows neither tasks nor snapshots. */
export { claimEpoch, isOverridden, withdrawClaim } from "./claim-epoch.ts";
export { continueLog, previousOf, type Continuation } from "./carry-tail.ts";
export { recordCrc, type RecordPlace } from "./find-record.ts";
export { removeLeftovers } from "./leftovers.ts";
export { LogWriter } from "./log-writer.ts";
export type { Appended, LogEntry, LogWriterOptions } from "./writer-options.ts";
export { pruneLog, type PruneOptions } from "./prune-log.ts";
export { quarantineDamaged, quarantineTorn } from "./quarantine.ts";
export { replayLog, type ReplayOptions } from "./replay-log.ts";
export type { DamagedBytes, LogPosition, ReplayEnd, ReplayStep } from "./replay-result.ts";
export { sealedLast } from "./sealed-last.ts";
export { seekRecords } from "./seek-records.ts";
export { listLog, type ListOptions, type LogListing, type SegmentFile } from "./segment-list.ts";
export type { Range } from "./judge.ts";
export { scanChunk, type Chunk, type Scanned } from "./scan-chunk.ts";
export { verdictOf, type SequenceFacts, type Verdict } from "./verdict.ts";
