/** Bytes and names, as pure functions: no I/O, no clock, bad bytes are values. See docs/format.md. */
import * as limits from "./limits.ts";

export { limits };
export { crc32, hex32, sha256, type Hash } from "./checksum.ts";
export { canonicalJson } from "./canonical-json.ts";
export { jsonText } from "./json-text.ts";
export { isSameJson } from "./same-json.ts";
export { copyJson, freezeJson, type JsonDefect, type JsonValue } from "./json-value.ts";
export {
  backupName,
  claimName,
  fileStem,
  headName,
  lockName,
  parseBackupName,
  parseClaimName,
  parseFileStem,
  parseSegmentName,
  preMigrationName,
  quarantineFolder,
  archiveFolder,
  unfinishedCopyName,
  legacyFolder,
  recoveryFolder,
  segmentName,
  stateName,
  timeStamp,
  walFolder,
  type BackupId,
  type SegmentId,
} from "./file-name.ts";
export {
  LineBuffer,
  coveredStart,
  linePrefix,
  newline,
  segmentSalt,
  verifyLine,
  verifyMarkedLine,
  claimedCrc,
  verifiedCrc,
  type ToolMark,
} from "./line.ts";
export {
  headerBody,
  isSystemType,
  lineOf,
  markerBody,
  objectBody,
  recordBody,
  sealBody,
  type Line,
  type LogRecord,
  type PreviousSegment,
  type RecordDraft,
  type SegmentHeader,
  type SegmentSeal,
} from "./record.ts";
export { isCount, isJsonObject, parseJson } from "./json-shape.ts";
export { decodeHead, encodeHeadSlot, type Head } from "./head.ts";
