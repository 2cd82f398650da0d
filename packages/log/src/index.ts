/** The write-ahead log: records, in order, in segment files. It knows neither tasks nor snapshots. */
export { claimEpoch, isOverridden } from "./claim-epoch.ts";
export { continueLog, type Continuation } from "./carry-tail.ts";
export { LogWriter, type Appended, type LogEntry, type LogWriterOptions } from "./log-writer.ts";
export { pruneLog, type PruneOptions } from "./prune-log.ts";
export { quarantineDamaged, quarantineTorn } from "./quarantine.ts";
export {
  replayLog,
  type DamagedBytes,
  type LogPosition,
  type ReplayEnd,
  type ReplayOptions,
  type ReplayStep,
} from "./replay-log.ts";
export { listLog, type LogListing, type SegmentFile } from "./segment-list.ts";
export type { Range } from "./survey.ts";
export { verdictOf, type SequenceFacts, type Verdict } from "./verdict.ts";
