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
  type SegmentId,
} from "@taskwal/format";

export interface SegmentStart {
  readonly store: string;
  readonly id: SegmentId;
  readonly previous: PreviousSegment | undefined;
  /** Bodies of records that it begins with, copied from a segment that it overrides. */
  readonly carried: readonly string[];
}

export class ActiveSegment {
  readonly id: SegmentId;
  readonly name: string;
  readonly salt: number;
  readonly file: File;
  readonly inode: string;
  /** Its bytes so far: where the next line goes. */
  bytes: number;
  recordCount: number;
  readonly #hash: Hash;

  private constructor(start: SegmentStart, file: File, inode: string, bytes: Uint8Array) {
    this.id = start.id;
    this.name = segmentName(start.id);
    this.salt = segmentSalt(start.store, start.id);
    this.file = file;
    this.inode = inode;
    this.bytes = bytes.length;
    this.recordCount = start.carried.length;
    this.#hash = sha256().update(bytes);
  }

  /** Durable on return, with its name. On failure the name does not exist; a leftover tmp is harmless. */
  static async create(directory: Directory, start: SegmentStart): Promise<ActiveSegment> {
    const { store, id, previous, carried } = start;
    const name = segmentName(id);
    const lines = new LineBuffer();
    const salt = segmentSalt(store, id);
    const header = { format: limits.formatVersion, store, ...id };
    lines.push(headerBody(previous ? { ...header, previous } : header), salt);
    for (const body of carried) lines.push(body, salt);
    const temporary = `${name}.tmp`;
    if (await directory.stat(temporary)) await directory.remove(temporary);
    const file = await directory.create(temporary);
    try {
      await file.write(lines.view(), 0);
      const { inode } = await file.stat();
      // Before the name: a segment is never seen without its header and what it carries.
      await file.sync();
      await directory.rename(temporary, name);
      // Before any record in it is acknowledged: the name must survive too.
      await directory.syncFolder(walFolder);
      return new ActiveSegment(start, file, inode, lines.view());
    } catch (error) {
      await file.close();
      throw error;
    }
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
