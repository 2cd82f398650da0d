/**
 * The segment that is being written: made whole, then renamed into place, then appended to.
 *
 *     create x.jsonl.tmp ─ header (and carried lines) ─ sync ─ rename ─ sync wal/ ─ append …  ─ seal
 *
 * The rule: its name appears only when what it begins with is durable, so a crash leaves no segment
 * without a header.
 */
import type { Directory, File } from "@taskwal/disk";
import {
  headerBody,
  hex32,
  LineBuffer,
  limits,
  markerBody,
  sealBody,
  segmentName,
  segmentSalt,
  sha256,
  walFolder,
  type Hash,
  type PreviousSegment,
  type SegmentHeader,
  type SegmentId,
} from "@taskwal/format";

export interface SegmentStart {
  readonly store: string;
  readonly id: SegmentId;
  readonly previous: PreviousSegment | undefined;
  /** The store that this one goes on from. */
  readonly parent?: SegmentHeader["parent"];
  /** Bodies of records that it begins with, copied from a segment that it overrides. */
  readonly carried: readonly string[];
}

interface SegmentFiles {
  readonly file: File;
  readonly through: File;
  readonly inode: string;
}

interface SegmentLines {
  readonly bytes: Uint8Array;
  readonly lastCrc: string | undefined;
}

const firstLines = ({ store, id, previous, parent, carried }: SegmentStart): SegmentLines => {
  const lines = new LineBuffer();
  const salt = segmentSalt(store, id);
  const header = { format: limits.formatVersion, store, ...id };
  const named = { ...(previous && { previous }), ...(parent && { parent }) };
  lines.push(headerBody({ ...header, ...named }), salt);
  let lastCrc: number | undefined;
  for (const body of carried) lastCrc = lines.push(body, salt);
  return { bytes: lines.view(), lastCrc: lastCrc === undefined ? undefined : hex32(lastCrc) };
};

const temporaryName = (id: SegmentId): string => `${segmentName(id)}.tmp`;

export class ActiveSegment {
  readonly id: SegmentId;
  readonly name: string;
  readonly salt: number;
  readonly file: File;
  /** The same file, opened so that what it writes is durable (see LogWriter for when it may be used). */
  readonly through: File;
  readonly inode: string;
  /** Its bytes so far: where the next line goes. */
  bytes: number;
  recordCount: number;
  /** The checksum of the last record that it began with, hex; undefined if it began with none. */
  readonly lastCrc: string | undefined;
  readonly #hash: Hash;

  private constructor(start: SegmentStart, files: SegmentFiles, lines: SegmentLines) {
    this.id = start.id;
    this.name = segmentName(start.id);
    this.salt = segmentSalt(start.store, start.id);
    this.file = files.file;
    this.through = files.through;
    this.inode = files.inode;
    this.bytes = lines.bytes.length;
    this.lastCrc = lines.lastCrc;
    this.recordCount = start.carried.length;
    this.#hash = sha256().update(lines.bytes);
  }

  /** Writes what it begins with, under a temporary name. Nothing of it counts before `publish`. */
  static async prepare(directory: Directory, start: SegmentStart): Promise<ActiveSegment> {
    const temporary = temporaryName(start.id);
    if (await directory.stat(temporary)) await directory.remove(temporary);
    const lines = firstLines(start);
    const file = await directory.create(temporary);
    let through: File | undefined;
    try {
      through = await directory.open(temporary, "write-through");
      await file.write(lines.bytes, 0);
      const { inode } = await file.stat();
      return new ActiveSegment(start, { file, through, inode }, lines);
    } catch (error) {
      await through?.close();
      await file.close();
      // It holds room that there may be too little of, and the next try has another name.
      await directory.remove(temporary).catch(() => {});
      throw error;
    }
  }

  /** Gives it its name; both are durable on return. Whatever fails here, no one knows what is there. */
  async publish(directory: Directory): Promise<void> {
    // Before the name: a segment is never seen without its header and all that it carries.
    await this.file.sync();
    await directory.rename(temporaryName(this.id), this.name);
    // Before any record in it is acknowledged: a record without its file's name is lost.
    await directory.syncFolder(walFolder);
  }

  async close(): Promise<void> {
    await this.through.close();
    await this.file.close();
  }

  /** Notes that these bytes now stand at the end. */
  extend(bytes: Uint8Array, recordCount: number): void {
    this.#hash.update(bytes);
    this.bytes += bytes.length;
    this.recordCount += recordCount;
  }

  /** The lines that close it: an idle marker and the seal. `last` must be durable. */
  sealLines(last: number): Uint8Array {
    const lines = new LineBuffer(512);
    lines.push(markerBody(last), this.salt);
    const hash = this.#hash.copy().update(lines.view()).digest("hex");
    lines.push(sealBody({ last, count: this.recordCount, sha256: hash }), this.salt);
    return lines.view();
  }

  /** How the next segment names this one, as it stands. */
  asPrevious(last: number): PreviousSegment {
    const digest = this.#hash.copy().digest("hex");
    return { first: this.id.first, epoch: this.id.epoch, last, bytes: this.bytes, sha256: digest };
  }
}
