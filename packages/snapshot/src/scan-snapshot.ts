/**
 * Goes once through an open snapshot: head, lines, checksum.
 *
 *     |head line|  1 MiB  |  1 MiB  | … |checksum line|
 *      looked at first      │             compared with the hash of all before it
 *                           └─ hashed, and whole lines handed to the body, if one is given
 *
 * The rule: memory is bounded by a chunk and the longest line; bad bytes are a value with a reason, and
 * errors of the disk are thrown.
 */
import type { Clock, File, FileStat } from "@taskwal/disk";
import { newline, sha256 } from "@taskwal/format";
import {
  checksumLineBytes,
  decodeChecksumLine,
  decodeHead,
  headBytesMax,
  lineCharsMax,
  type SnapshotHead,
} from "./snapshot-format.ts";
import type { Defect, SnapshotBody } from "./snapshot-body.ts";

export interface UnusableSnapshot {
  readonly ok: false;
  /**
   * `missing`: no such file. `damaged`: ours, cut or changed. `foreign`: not of this program.
   * `unsupported`: ours, of a newer format.
   */
  readonly kind: "missing" | "damaged" | "foreign" | "unsupported";
  /** A clause: "it is empty". */
  readonly reason: string;
  /** The first byte that is known to be wrong. */
  readonly startBytes?: number;
  /** What its first line says; the checksum did not confirm it. */
  readonly head?: SnapshotHead;
}

export interface ScannedSnapshot {
  readonly ok: true;
  readonly head: SnapshotHead;
  readonly sizeBytes: number;
  /** Of everything before the checksum line, hex; it is what that line says. */
  readonly sha256: string;
  readonly stat: FileStat;
}

const chunkBytes = 1024 * 1024;
/** A UTF-16 unit takes at most three bytes. */
const lineBytesMax = 3 * lineCharsMax;

export const unusable = (
  kind: UnusableSnapshot["kind"],
  reason: string,
  facts: Pick<UnusableSnapshot, "startBytes" | "head"> = {},
): UnusableSnapshot => ({ ok: false, kind, reason, ...facts });

export const scanSnapshot = async (
  file: File,
  body: SnapshotBody | undefined,
  clock: Clock | undefined,
): Promise<ScannedSnapshot | UnusableSnapshot> => {
  const stat = await file.stat();
  if (stat.kind !== "file") return unusable("foreign", "it is not a file");
  const { sizeBytes } = stat;
  const first = await readRange(file, 0, Math.min(headBytesMax, sizeBytes));
  const claimed = await readClaim(file, sizeBytes);
  const reading = decodeHead(first);
  if (reading.kind === "other") return judgeOther(first, sizeBytes, claimed);
  const lines = { file, endBytes: sizeBytes - checksumLineBytes, clock };
  if (reading.kind === "newer") {
    const reason = `snapshot format ${reading.format}`;
    // If it is sealed as ours are and the seal is broken, the format itself may be the damage.
    const isBroken = claimed !== undefined && (await scanLines(lines, undefined)) !== claimed;
    if (!isBroken) return unusable("unsupported", reason);
    return unusable("damaged", `its checksum does not match, and it says ${reason}`);
  }
  const { head } = reading;
  if (claimed === undefined) {
    const reason = "it does not end with its checksum: it was cut, or changed at its end";
    return unusable("damaged", reason, { startBytes: lines.endBytes, head });
  }
  const found = await scanLines(lines, body);
  if (typeof found === "object") {
    return unusable("damaged", found.reason, { startBytes: found.startBytes, head });
  }
  if (found !== claimed)
    return unusable("damaged", "its checksum does not match its content", { head });
  return { ok: true, head, sizeBytes, sha256: found, stat };
};

/** The checksum that the last line claims, or undefined if there is no such line. */
const readClaim = async (file: File, sizeBytes: number): Promise<string | undefined> => {
  const start = sizeBytes - checksumLineBytes - 1;
  return start < 0
    ? undefined
    : decodeChecksumLine(await readRange(file, start, checksumLineBytes + 1));
};

/** A file whose first line is no head of ours. */
const judgeOther = (
  first: Uint8Array,
  sizeBytes: number,
  claimed: string | undefined,
): UnusableSnapshot => {
  if (sizeBytes === 0) return damagedAtStart("it is empty");
  if (first[0] === 0) return damagedAtStart("it begins with NUL bytes, as after a power failure");
  const text = Buffer.from(first).toString("utf8");
  if (text.startsWith("\ufeff")) {
    return judgeRewritten(text, "a tool put a byte order mark before it");
  }
  if (claimed !== undefined) return damagedAtStart("its first line is damaged");
  if (text.startsWith(ourBeginning) && text.includes("\r\n")) {
    return judgeRewritten(text, "a tool changed its line ends to CRLF");
  }
  // After a power failure NUL bytes may stand for what was not written.
  const [written = ""] = text.split("\0", 1);
  const isBeginning = ourBeginning.startsWith(written.slice(0, ourBeginning.length));
  if (!isBeginning) return judgeRewritten(text, "a tool rewrote it");
  const isWhole = written.includes("\n");
  return damagedAtStart(isWhole ? "its first line is damaged" : "it is cut in its first line");
};

const damagedAtStart = (reason: string): UnusableSnapshot =>
  unusable("damaged", reason, { startBytes: 0 });

const ourBeginning = '{"version":"1.0.0","format":';

const judgeRewritten = (text: string, reason: string): UnusableSnapshot => {
  const isOurs = /"format"\s*:\s*\d/.test(text) && /"store"\s*:\s*"/.test(text);
  return isOurs
    ? damagedAtStart(reason)
    : unusable("foreign", "it is not a snapshot of this program");
};

interface Lines {
  readonly file: File;
  /** Where the checksum line begins. */
  readonly endBytes: number;
  readonly clock: Clock | undefined;
}

/** The hash of all lines before the checksum's, hex; or the first defect that the body found. */
const scanLines = async (
  { file, endBytes, clock }: Lines,
  body: SnapshotBody | undefined,
): Promise<string | Defect> => {
  const hash = sha256();
  const lines = new LineChunks(body, endBytes);
  for (let at = 0; at < endBytes;) {
    const room = lines.room();
    const count = await file.read(room.subarray(0, endBytes - at), at);
    if (count === 0) return { reason: "it became shorter while it was read", startBytes: at };
    hash.update(room.subarray(0, count));
    at += count;
    const defect = lines.filled(count);
    if (defect) return defect;
    // Reads give others a turn on a real disk; this makes sure of it.
    await clock?.yield();
  }
  if (body && body.engine === undefined) {
    return { reason: "lines are missing before its checksum", startBytes: endBytes };
  }
  return hash.digest("hex");
};

/** Cuts what is read into whole lines; without a body it only lends its buffer. */
class LineChunks {
  readonly #body: SnapshotBody | undefined;
  #buffer: Buffer;
  /** Bytes of a line that has not ended yet. */
  #filled = 0;
  /** Where in the file the buffer begins. */
  #startBytes = 0;
  #isHeadPast = false;

  constructor(body: SnapshotBody | undefined, sizeBytes: number) {
    this.#body = body;
    this.#buffer = Buffer.allocUnsafe(Math.min(chunkBytes, Math.max(1, sizeBytes)));
  }

  /** Where the next bytes go. */
  room(): Buffer {
    if (this.#filled === this.#buffer.length) {
      const larger = Buffer.allocUnsafe(2 * this.#buffer.length);
      this.#buffer.copy(larger);
      this.#buffer = larger;
    }
    return this.#buffer.subarray(this.#filled);
  }

  /** `count` bytes were put there. */
  filled(count: number): Defect | undefined {
    if (!this.#body) return undefined;
    const searched = this.#filled;
    this.#filled += count;
    const end = this.#buffer.subarray(searched, this.#filled).lastIndexOf(newline) + 1;
    if (end === 0) return this.#longLine();
    const chunk = this.#buffer.subarray(0, searched + end);
    const skipped = this.#isHeadPast ? 0 : chunk.indexOf(newline) + 1;
    const defect = this.#body.add(chunk.subarray(skipped), this.#startBytes + skipped);
    this.#isHeadPast = true;
    this.#buffer.copyWithin(0, chunk.length, this.#filled);
    this.#filled -= chunk.length;
    this.#startBytes += chunk.length;
    return defect;
  }

  #longLine(): Defect | undefined {
    if (this.#filled <= lineBytesMax) return undefined;
    return { reason: "a line is longer than any that is written", startBytes: this.#startBytes };
  }
}

const readRange = async (file: File, start: number, sizeBytes: number): Promise<Uint8Array> => {
  const bytes = new Uint8Array(sizeBytes);
  return bytes.subarray(0, await file.read(bytes, start));
};
