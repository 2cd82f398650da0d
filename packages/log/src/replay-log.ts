/**
 * Reads the log from a base sequence on, and says per sequence what became of it (verdict.ts).
 *
 *     base                       first hole            D                 end
 *     |--- yielded as read ------|?--- surveyed first, then yielded ------|
 *
 * Without a hole the log is read once. At the first irregular byte the rest is surveyed (which
 * sequences verify, what was promised), judged, and what is kept is read again. The rule: nothing is
 * written, and a record is yielded only when its verdict is certain and its transaction is whole.
 */
import type { Directory } from "@taskwal/disk";
import { CorruptError, invariant, UnsupportedFormatError } from "@taskwal/errors";
import { hex32, limits, type LogRecord } from "@taskwal/format";
import { judge, type Cut, type Judged } from "./judge.ts";
import type { DamagedBytes, LogPosition, ReplayEnd, ReplayStep } from "./replay-result.ts";
import { readRun, readSegment, type SegmentReading } from "./read-segment.ts";
import type { BadStretch, Scanned, ScannedLine } from "./scan-segment.ts";
import type { LogListing, SegmentFile } from "./segment-list.ts";
import { SettledPlace } from "./settled-place.ts";
import { mayFollow, unfinished, type Member } from "./transaction.ts";
import { Survey, type Run, type SurveyedSegment } from "./survey.ts";

export interface ReplayOptions {
  /** The sequence that the caller already has the state of; 0 for none. */
  readonly base: number;
  /** Promises that the caller knows of: sequences of verified snapshots. */
  readonly promised: number;
  readonly onReadError: "throw" | "damage";
  /** Where an earlier replay that ended at the base left off: what stands before is not read again. */
  readonly resume?: LogPosition;
  /** Stops behind this sequence, which the caller knows to be durable; what follows is not judged. */
  readonly until?: number;
}

type PlacedCut = Pick<Cut, "kind"> & { readonly bytes: DamagedBytes };
const stepRecordsMax = 4_096;

/** What was scanned at once: neighbours in one segment, from the first that is not regular on or all. */
interface Batch {
  readonly segment: number;
  readonly items: readonly Scanned[];
}
type Batches = AsyncGenerator<Batch, void, void>;

/**
 * Throws CorruptError if the log does not reach back to the base, DiskFailedError where a read fails
 * and `onReadError` is "throw", UnsupportedFormatError for what a newer version wrote.
 */
export const replayLog = (
  directory: Directory,
  listing: LogListing,
  options: ReplayOptions,
): AsyncGenerator<ReplayStep, ReplayEnd> => new Replay(directory, listing, options).steps();

class Replay {
  readonly #directory: Directory;
  readonly #segments: readonly SegmentFile[];
  readonly #options: ReplayOptions;
  #durable: number;
  /** The last sequence that was yielded or held. */
  #last: number;
  #lastCrc: number | undefined;
  /** Members of a transaction whose end was not seen yet. */
  #held: { record: LogRecord; placed: ScannedLine; segment: number }[] = [];
  #seen: Member;
  #recordCount = 0;
  #position: LogPosition | undefined;
  /** Where the last record of this batch ends behind which no transaction is open; -1 if there is none. */
  #wholeBytes = -1;
  readonly #settled = new SettledPlace();
  readonly #until: number;
  #stopped = false;
  readonly #notes = new Set<string>();

  constructor(directory: Directory, listing: LogListing, options: ReplayOptions) {
    this.#directory = directory;
    this.#options = options;
    this.#position = options.resume;
    this.#until = options.until ?? Number.POSITIVE_INFINITY;
    this.#durable = Math.max(listing.promised, options.promised, options.base);
    this.#last = options.base;
    this.#segments = listing.segments.filter((segment) => segment.lastMax > options.base);
  }

  async *steps(): AsyncGenerator<ReplayStep, ReplayEnd> {
    this.#assertBase();
    const batches = this.#scanAll();
    let irregular: Batch | undefined;
    try {
      // Not `for await`: leaving it would end the generator that the survey goes on with.
      for (let next = await batches.next(); !next.done; next = await batches.next()) {
        const records: LogRecord[] = [];
        irregular = this.#takeBatch(next.value, records);
        if (records.length > 0) yield { kind: "records", records };
        if (irregular || this.#stopped) break;
      }
      if (this.#stopped) await batches.return();
      return yield* this.#finish(await this.#survey(irregular, batches));
    } finally {
      // Whoever breaks off leaves no file open.
      await batches.return();
    }
  }

  #assertBase(): void {
    const [first] = this.#segments;
    // A hole at the beginning with nothing to stand on: whatever is read above it proves nothing.
    if (!first || first.id.first === 1 || this.#options.base > 0) return;
    throw new CorruptError({
      file: first.name,
      reason:
        "the log begins here and no snapshot before it verifies, so there is nothing to start from",
      sequences: [[1, first.id.first - 1]],
    });
  }

  async *#scanAll(): Batches {
    const { resume } = this.#options;
    for (const [segment, file] of this.#segments.entries()) {
      const startBytes = resume?.file === file.name ? resume.bytes : 0;
      const reading = readSegment(this.#reading(file), [startBytes, file.sizeBytes]);
      for await (const items of reading) yield { segment, items };
    }
  }

  #segment(index: number): SegmentFile {
    const segment = this.#segments[index];
    invariant(segment, "what was read stands in a segment of the log");
    return segment;
  }

  #reading(segment: SegmentFile): SegmentReading {
    return { directory: this.#directory, segment, onReadError: this.#options.onReadError };
  }

  /** Takes what is regular up to `until`; returns what is left from the first item on that is not. */
  #takeBatch({ segment, items }: Batch, ready: LogRecord[]): Batch | undefined {
    const [first] = items;
    if (!first) return undefined;
    this.#settled.trim(this.#durable);
    // Not inside a transaction, not even in one below the base, of which only the last member is noted.
    if (this.#held.length + unfinished(this.#seen) === 0)
      this.#settled.add(segment, this.#last, first.startBytes);
    this.#wholeBytes = -1;
    let taken = 0;
    while (taken < items.length && !this.#stopped) {
      const item = items[taken] ?? first;
      if (!this.#takeRegular(item, segment, ready)) break;
      taken += 1;
      this.#stopped = this.#last >= this.#until && this.#held.length === 0;
    }
    if (this.#wholeBytes >= 0) {
      this.#position = { file: this.#segment(segment).name, bytes: this.#wholeBytes };
    }
    return taken < items.length && !this.#stopped
      ? { segment, items: items.slice(taken) }
      : undefined;
  }

  /** Takes what belongs exactly here; false for anything else. */
  #takeRegular(item: Scanned, segment: number, ready: LogRecord[]): boolean {
    if (item.kind === "bad") return this.#belonging(item, segment, this.#last) === undefined;
    if (item.kind === "mark") {
      this.#note(segment, item.mark);
      return true;
    }
    const record = this.#evidence(item, segment);
    if (!record) return true;
    this.#seen = record.tx;
    if (!this.#isEligible(record, segment)) return true;
    if (record.seq !== this.#last + 1) return false;
    if (!mayFollow(this.#held.at(-1)?.record.tx, record.tx)) return false;
    this.#last = record.seq;
    this.#hold(record, item, segment, ready);
    if (this.#held.length === 0) this.#wholeBytes = item.endBytes;
    return true;
  }

  /** Above the base, in a segment that begins at or below it, and not overridden by a higher epoch. */
  #isEligible({ seq }: LogRecord, segment: number): boolean {
    const { id, lastMax } = this.#segment(segment);
    return seq > this.#options.base && seq >= id.first && seq <= lastMax;
  }

  /**
   * The part of a bad stretch that belongs to the log: nothing behind the byte at which a later segment
   * ended this one, nor (where that one's header does not tell the byte) behind its last record.
   */
  #belonging(stretch: BadStretch, index: number, highest: number): BadStretch | undefined {
    const segment = this.#segment(index);
    if (segment.overridden && highest >= segment.lastMax) return undefined;
    if (!this.#isBeforeEnd({ ...stretch, segment: index })) return undefined;
    return { ...stretch, endBytes: Math.min(stretch.endBytes, segment.endBytes) };
  }

  /** Behind it a later segment has the word: also a line that verifies there, and only repeats another. */
  #isBeforeEnd({ segment, startBytes }: { segment: number; startBytes: number }): boolean {
    return startBytes < this.#segment(segment).endBytes;
  }

  #hold(record: LogRecord, placed: ScannedLine, segment: number, ready: LogRecord[]): void {
    if (!record.tx) return this.#emit(record, placed.crc, ready);
    this.#held.push({ record, placed, segment });
    if (record.tx[0] < record.tx[1]) return;
    for (const held of this.#held) this.#emit(held.record, held.placed.crc, ready);
    this.#held = [];
  }

  #emit(record: LogRecord, crc: number, ready: LogRecord[]): void {
    this.#lastCrc = crc;
    this.#recordCount += 1;
    ready.push(record);
  }

  /** Every valid line is evidence of what was durable. Returns the record, if it is one. */
  #evidence({ line }: ScannedLine, segment: number): LogRecord | undefined {
    if (line.kind === "record") {
      this.#durable = Math.max(this.#durable, line.record.seq - line.record.lag);
      return line.record;
    }
    if (line.kind === "marker") this.#durable = Math.max(this.#durable, line.durable);
    if (line.kind === "unknown") {
      throw new UnsupportedFormatError({
        file: this.#segment(segment).name,
        found: `a line with the field "${line.field}"`,
        supported: `log format ${limits.formatVersion}`,
      });
    }
    return undefined;
  }

  #note(segment: number, mark: "crlf" | "bom"): void {
    const what = mark === "crlf" ? "CRLF line ends" : "a byte order mark";
    const has = `${this.#segment(segment).name} has ${what}`;
    this.#notes.add(`${has} that a tool brought; the records are read without them`);
  }

  /** From the first irregular item on: which sequences verify, and where. */
  async #survey(first: Batch | undefined, rest: Batches): Promise<Survey> {
    const survey = new Survey(this.#last - this.#held.length);
    this.#last = survey.after;
    for (const { record, placed, segment } of this.#held) {
      survey.addRecord(record, placed, this.#surveyed(segment));
    }
    if (!first) return survey;
    this.#surveyBatch(survey, first);
    for await (const batch of rest) this.#surveyBatch(survey, batch);
    return survey;
  }

  #surveyed(index: number): SurveyedSegment {
    const { id, lastMax } = this.#segment(index);
    return { index, first: id.first, lastMax };
  }

  #surveyBatch(survey: Survey, { segment, items }: Batch): void {
    for (const item of items) this.#surveyItem(survey, item, segment);
  }

  #surveyItem(survey: Survey, item: Scanned, segment: number): void {
    if (item.kind === "mark") this.#note(segment, item.mark);
    else if (item.kind === "bad") {
      const stretch = this.#belonging(item, segment, survey.highest);
      if (stretch) survey.addBad(stretch, this.#surveyed(segment));
    } else {
      const record = this.#evidence(item, segment);
      if (!record) return;
      if (this.#isEligible(record, segment)) {
        survey.addRecord(record, item, this.#surveyed(segment));
      } else if (record.seq <= this.#options.base) survey.pass(record.seq);
    }
  }

  async *#finish(survey: Survey): AsyncGenerator<ReplayStep, ReplayEnd> {
    const judged = judge(survey, {
      durable: this.#stopped ? survey.after : this.#durable,
      lastSegment: this.#segments.length - 1,
    });
    const droppedRecords: LogRecord[] = [];
    for (const step of judged.steps) {
      const last = Math.min(step.last, this.#until);
      if (step.first > last) continue;
      if (step.kind !== "kept") yield { kind: "lost", first: step.first, last };
      if (step.kind === "lost") continue;
      const ready: LogRecord[] = [];
      for await (const { record, crc } of this.#records(step.run)) {
        if (record.seq < step.first || record.seq > last) continue;
        if (step.kind === "dropped") droppedRecords.push(record);
        else this.#emit(record, crc, ready);
        if (ready.length >= stepRecordsMax) yield { kind: "records", records: ready.splice(0) };
      }
      if (ready.length > 0) yield { kind: "records", records: ready };
      if (step.kind === "kept") this.#last = last;
    }
    const cuts: PlacedCut[] = [];
    for (const cut of judged.cuts) cuts.push(await this.#placeCut(cut));
    return { ...this.#end(judged, cuts), droppedRecords };
  }

  /** Where the bytes of a cut begin: a run remembers only its own ends. */
  async #placeCut({ kind, run, first, last }: Cut): Promise<PlacedCut> {
    let { startBytes } = run;
    for await (const { record, startBytes: at } of this.#records(run)) {
      if (record.seq > first) break;
      startBytes = at;
    }
    const reason = `records ${first} to ${last}, behind a hole or of an unfinished transaction`;
    return { kind, bytes: this.#place({ ...run, startBytes, reason, readError: false }) };
  }

  #records(run: Run): ReturnType<typeof readRun> {
    return readRun(this.#reading(this.#segment(run.segment)), run);
  }

  #place(stretch: Omit<BadStretch, "kind"> & { readonly segment: number }): DamagedBytes {
    const { segment, startBytes, endBytes, readError } = stretch;
    const file = this.#segment(segment).name;
    return { file, startBytes, endBytes, reason: readError ? "could not be read" : stretch.reason };
  }

  #end(judged: Judged, cuts: readonly PlacedCut[]): Omit<ReplayEnd, "droppedRecords"> {
    const of = (kind: Cut["kind"]): DamagedBytes[] => [
      ...cuts.filter((cut) => cut.kind === kind).map(({ bytes }) => bytes),
      ...judged[kind].filter((one) => this.#isBeforeEnd(one)).map((one) => this.#place(one)),
    ];
    const torn = judged.cuts.filter(({ kind }) => kind === "torn");
    const tornRecords = torn.reduce((sum, { first, last }) => sum + last - first + 1, 0);
    return {
      durable: this.#durable,
      lastKept: this.#last,
      lastCrc: this.#lastCrc === undefined ? undefined : hex32(this.#lastCrc),
      next: Math.max(this.#durable, this.#last) + 1,
      lost: judged.lost,
      dropped: judged.dropped,
      torn: of("torn"),
      tornRecords,
      damaged: of("damaged"),
      notes: [...this.#notes],
      recordCount: this.#recordCount,
      position: this.#position,
      settled: this.#settledPosition(),
    };
  }

  #settledPosition(): LogPosition | undefined {
    const last = this.#segments.length - 1;
    const bytes = this.#settled.in(last, this.#durable);
    return bytes === undefined ? undefined : { file: this.#segment(last).name, bytes };
  }
}
