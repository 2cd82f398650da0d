/**
 * Names of files <-> what they mean. Nothing has ":" in its name, and none depends on upper case.
 *
 *     wal/00000000000000004711-00000002.jsonl       segment: first sequence, epoch
 *     wal/00000002.claim                            claim: epoch
 *     state.backup.20261125T180547.123Z-4713.json   backup: UTC time, sequence
 *     tasks/6f….json                                mirror: the escaped id
 */
import { sha256 } from "./checksum.ts";
import { fileStemBytesMax } from "./limits.ts";

export const stateName = "state.json";
/** The snapshot that the last migration began from. */
export const preMigrationName = "state.pre-migration.backup.json";
export const lockName = "LOCK";
export const walFolder = "wal";
export const headName = "wal/HEAD";
export const quarantineFolder = "quarantine";
export const recoveryFolder = "recovery";
/** Stands in a copy of a store until all of it is there. */
export const unfinishedCopyName = "copy.unfinished";
/** Originals of an imported directory. */
export const legacyFolder = "legacy";
/** Entities that left the state and can be brought back. */
export const archiveFolder = "archive";

export interface SegmentId {
  /** The sequence of its first record. */
  readonly first: number;
  /** Who wrote it: each opening for writing has a higher epoch. */
  readonly epoch: number;
}

const isCount = (value: number): boolean => Number.isSafeInteger(value) && value > 0;

export const segmentName = ({ first, epoch }: SegmentId): string =>
  `${walFolder}/${String(first).padStart(20, "0")}-${String(epoch).padStart(8, "0")}.jsonl`;

/** The segment that a name inside `wal/` means, or undefined if it is not a segment's name. */
export const parseSegmentName = (name: string): SegmentId | undefined => {
  // Epochs beyond eight digits are as good: a name that is not recognised would be a lost segment.
  const match = /^(?:wal\/)?(\d{20})-(\d{8,16})\.jsonl$/.exec(name);
  if (!match) return undefined;
  const id = { first: Number(match[1]), epoch: Number(match[2]) };
  const isExact = segmentName(id).endsWith(`/${match[1]}-${match[2]}.jsonl`);
  return isExact && isCount(id.first) && isCount(id.epoch) ? id : undefined;
};

export const claimName = (epoch: number): string =>
  `${walFolder}/${String(epoch).padStart(8, "0")}.claim`;

export const parseClaimName = (name: string): number | undefined => {
  const match = /^(?:wal\/)?(\d{8,16})\.claim$/.exec(name);
  const epoch = Number(match?.[1]);
  const isExact = match && isCount(epoch) && claimName(epoch).endsWith(`/${match[1]}.claim`);
  return isExact ? epoch : undefined;
};

/** A time as part of a file name: sortable, no ":" — 20261125T180547.123Z. */
export const timeStamp = (atMs: number): string =>
  new Date(atMs).toISOString().replace(/[-:]/g, "");

export const backupName = (atMs: number, sequence: number): string =>
  `state.backup.${timeStamp(atMs)}-${sequence}.json`;

export interface BackupId {
  readonly atMs: number;
  readonly sequence: number;
}

/** The backup that a name means, or undefined if it is not one of ours (a user's copy keeps out of the ten). */
export const parseBackupName = (name: string): BackupId | undefined => {
  const match =
    /^state\.backup\.(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d\.\d{3})Z-(\d{1,16})\.json$/.exec(name);
  if (!match) return undefined;
  const [, year, month, day, hour, minute, second, sequence] = match;
  const atMs = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  const id = { atMs, sequence: Number(sequence) };
  // Only what backupName writes: 30 February and leading zeros are somebody else's.
  const isOurs = !Number.isNaN(atMs) && Number.isSafeInteger(id.sequence);
  return isOurs && backupName(id.atMs, id.sequence) === name ? id : undefined;
};

// Device names of Windows: reserved with any extension, in any case.
const reserved = /^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/;

// Two digits: JSON text has no byte below 0x20.
const escapeByte = (byte: number): string => `%${byte.toString(16)}`;

const isPlain = (byte: number): boolean =>
  (byte >= 0x61 && byte <= 0x7a) ||
  (byte >= 0x30 && byte <= 0x39) ||
  byte === 0x2d ||
  byte === 0x5f;

/**
 * A file stem for an id: reversible by `parseFileStem`, equal only for equal ids also where the file
 * system ignores case, and safe on every system. Over fileStemBytesMax it is a prefix and a hash,
 * which cannot be reversed; the id is inside the file.
 */
export const fileStem = (id: string): string => {
  let stem = "";
  // Lone surrogates are spelled as in JSON first, so that two different ids stay different.
  const text = JSON.stringify(id).slice(1, -1);
  const bytes = Buffer.from(text, "utf8");
  for (const [index, byte] of bytes.entries()) {
    const dotInside = byte === 0x2e && index > 0 && index < bytes.length - 1;
    stem += isPlain(byte) || dotInside ? String.fromCharCode(byte) : escapeByte(byte);
  }
  if (stem === "") return "%";
  if (reserved.test(stem)) stem = escapeByte(bytes[0] ?? 0) + stem.slice(1);
  if (stem.length <= fileStemBytesMax) return stem;
  const hash = sha256().update(bytes).digest("hex").slice(0, 32);
  return `${stem.slice(0, 120).replace(/%.?$/, "")}~${hash}`;
};

/** The id of a stem, or undefined if the stem is no escape of an id (a foreign file, or a hashed one). */
export const parseFileStem = (stem: string): string | undefined => {
  if (stem === "%") return "";
  const bytes: number[] = [];
  for (let index = 0; index < stem.length; index++) {
    if (stem[index] !== "%") {
      bytes.push(stem.charCodeAt(index));
      continue;
    }
    // Where there are no digits it becomes NUL, which JSON refuses.
    bytes.push(Number.parseInt(stem.slice(index + 1, index + 3), 16));
    index += 2;
  }
  try {
    const id = JSON.parse(`"${Buffer.from(bytes).toString("utf8")}"`) as string;
    return fileStem(id) === stem ? id : undefined;
  } catch {
    return undefined;
  }
};
