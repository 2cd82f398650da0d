/**
 * Every limit of the format, with its unit. A length is checked against these before it is trusted.
 * The rule: raising one is a format change that older readers must survive; see docs/format.md.
 */

/** The version of the log, snapshot and HEAD formats that this code writes and the newest it reads. */
export const formatVersion = 1;

/** A line of the log, newline included. */
export const recordBytesMax = 16 * 1024 * 1024;

/** A record number is an exact integer of a double. */
export const sequenceMax = Number.MAX_SAFE_INTEGER;

/** An epoch that is believed: no store is opened so often, and one more must still have a number. */
export const epochMax = 2 ** 48;

/**
 * Levels of objects and arrays in a payload; deeper values are refused before they are stringified. The
 * copy spends two frames on each: half of a stack of 1 MB, the other half is the host's and the schema's.
 */
export const depthMax = 2_048;

/** An entity's id, in UTF-8. */
export const idBytesMax = 1_024;

/** A type, key, actor or trace of a record, in UTF-8. */
export const labelBytesMax = 512;

/** Records of one transaction. */
export const transactionRecordsMax = 65_536;

/** A segment is sealed by the first batch that would take it past this size. */
export const segmentBytesDefault = 64 * 1024 * 1024;

/** A segment never exceeds this: one whole transaction after a header. */
export const segmentBytesMax = 1024 * 1024 * 1024;

/** Distance of the two slots of HEAD: no write of one can tear the other. */
export const headSlotBytes = 4_096;

/** Bytes of one slot that are used. */
export const headLineBytes = 256;

/** The block that a disk writes as a whole; recovery re-persists from the block that holds the last promise. */
export const blockBytes = 4_096;

/** Starts of lines that are tried inside one line that does not verify. */
export const resyncCandidatesMax = 256;

/** A file name made of an id, before its extension; longer ones carry a hash. */
export const fileStemBytesMax = 200;

/** A small file that is read whole: HEAD, LOCK, a report. */
export const smallFileBytesMax = 1024 * 1024;
