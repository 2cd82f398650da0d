/**
 * A JSONL file: a session of Claude Code or Codex, or any other file of one JSON value per line.
 *
 *     Claude Code   {"uuid":…,"parentUuid":…,"sessionId":…,"timestamp":…,"type":"user"}     a chain by parentUuid
 *     Codex         {"timestamp":…,"type":"session_meta","payload":{"id":…}}                that one first
 *                   {"timestamp":…,"type":"response_item","payload":{…},"ordinal":7}        the ordinal in newer ones
 *
 * Known of the programs: Claude Code before 2.1.121 did not go on behind a bad line (anthropics/claude-code #50347,
 * #53821). Codex opens a session by its first record, goes on by the ordinal of its last one
 * (openai/codex, codex-rs/rollout/src/ordinal.rs), and shows nothing behind an ordinal that comes twice (#35746, #41566).
 *
 * The rule: every line is judged by itself, so that a bad one never hides the others.
 */
import { markOf, utf8Mark } from "./encoding-mark.ts";
import { linesOf, lineBytesMax, type Line } from "./lines.ts";
import { valuesOfLine, type Beginnings, type Fields, type LinePart } from "./line-values.ts";
import type { Source } from "./source.ts";
import type { Tally } from "./tally.ts";
import { firstNotUtf8 } from "./utf8-check.ts";

const keys: ReadonlySet<string> = new Set(
  "uuid parentUuid sessionId timestamp ts type id ordinal".split(" "),
);
/** Ids that are compared within one file. */
export const idsComparedMax = 500_000;
const utf8MarkBytes = 3;

export const readSession = async (source: Source, tally: Tally): Promise<void> => {
  const session = new Session(tally);
  if (source.sizeBytes === 0) tally.find("zeroed", "is empty");
  for await (const line of linesOf(source.chunks())) {
    const mark = line.number === 1 && line.bytes ? markOf(line.bytes) : undefined;
    if (mark === undefined) session.add(line);
    else if (mark === utf8Mark) session.addMarked(line);
    else return tally.find("garbled", `is ${mark}, which its program does not read as text`);
  }
  session.end();
};

class Session {
  private readonly tally: Tally;
  private firstBad: Line | undefined = undefined;
  private behindBad = 0;
  private lines = 0;
  private isFirstMeta = false;
  private ordinals = 0;
  private hasLastOrdinal = false;
  private readonly beginnings: Beginnings = new Set();
  private readonly seen = new Set<string | number>();
  /** Parents that no record was yet: the line that named it. */
  private readonly awaited = new Map<string, number>();
  private tooMany = false;

  constructor(tally: Tally) {
    this.tally = tally;
  }

  /** The first line, behind the mark of its encoding. */
  addMarked(line: Line): void {
    const reason = "begins with a byte order mark: JSON.parse does not take its first line";
    this.tally.find("hidden", reason, { line: 1 });
    const bytes = line.bytes?.subarray(utf8MarkBytes);
    this.add({ ...line, startBytes: utf8MarkBytes, bytes });
  }

  add(line: Line): void {
    const parts = line.bytes ? valuesOfLine(line.bytes, { keys, beginnings: this.beginnings }) : [];
    if (line.bytes && parts.length === 0) return;
    this.lines += 1;
    const values = parts.filter(({ kind }) => kind === "whole");
    for (const { fields } of values) if (fields) this.record(fields, line.number);
    const isGood = parts.length === 1 && values.length === 1;
    if (isGood) {
      this.behindBad += this.firstBad ? 1 : 0;
      this.checkLetters(line);
    } else {
      this.firstBad ??= line;
      tellBad(this.tally, line, parts);
    }
  }

  end(): void {
    const { tally, firstBad, behindBad } = this;
    if (firstBad && behindBad > 0) {
      const who =
        tally.program === "claude-code"
          ? "Claude Code before 2.1.121"
          : "a reader that stops there";
      const reason = `${behindBad} whole records stand behind line ${firstBad.number}: ${who} does not show them`;
      tally.find(
        "hidden",
        behindBad === 1
          ? reason.replace("records stand", "record stands").replace("them", "it")
          : reason,
      );
    }
    if (tally.program === "codex" && !this.isFirstMeta)
      tally.find(
        "missing",
        "its first line is no readable session_meta, by which Codex opens a session",
      );
    if (this.ordinals > 0 && !this.hasLastOrdinal)
      tally.find(
        "missing",
        "its last record has no ordinal, by which Codex goes on with a session",
      );
    if (this.tooMany) {
      const reason = `has more than ${idsComparedMax} ids: only these were compared`;
      return tally.find("unreadable", reason);
    }
    const [first] = this.awaited;
    if (first === undefined) return;
    const [parent, line] = first;
    const others = this.awaited.size > 1 ? `, and ${this.awaited.size - 1} more such parents` : "";
    tally.find("missing", `names the parent ${parent}, which no whole record here is${others}`, {
      line,
    });
  }

  private record(fields: Fields, line: number): void {
    const { tally } = this;
    tally.count += 1;
    tally.time(fields.get("timestamp") ?? fields.get("ts"));
    const uuid = fields.get("uuid");
    const isMeta = fields.get("type") === "session_meta" && fields.has("payload");
    if (this.lines === 1) this.isFirstMeta = isMeta;
    const id = isMeta ? fields.get("payload.id") : (uuid ?? fields.get("id"));
    if (typeof id === "string") tally.id(id);
    if (typeof uuid === "string" && fields.has("sessionId")) {
      tally.program ??= "claude-code";
      this.compare(uuid, line);
      this.awaitParent(fields.get("parentUuid"), line);
    } else if (fields.has("payload") && typeof fields.get("type") === "string") {
      tally.program ??= "codex";
      const ordinal = fields.get("ordinal");
      this.hasLastOrdinal = typeof ordinal === "number";
      if (typeof ordinal !== "number") return;
      this.ordinals += 1;
      this.compare(ordinal, line);
    }
  }

  private checkLetters({ bytes, number, startBytes }: Line): void {
    const bad = bytes && firstNotUtf8(bytes);
    if (bad === undefined) return;
    const where = { line: number, startBytes: startBytes + bad };
    this.tally.find("garbled", "has bytes that are no UTF-8: other letters are shown there", where);
  }

  private compare(id: string | number, line: number): void {
    const what =
      typeof id === "number"
        ? `the ordinal ${id} comes twice: Codex may not show what follows`
        : `the id ${id} comes twice: one hides the other`;
    if (this.seen.has(id)) this.tally.find("hidden", what, { line });
    else if (this.seen.size < idsComparedMax) this.seen.add(id);
    else this.tooMany = true;
    if (typeof id === "string") this.awaited.delete(id);
  }

  private awaitParent(parent: unknown, line: number): void {
    if (typeof parent !== "string" || this.seen.has(parent) || this.awaited.has(parent)) return;
    if (this.awaited.size < idsComparedMax) this.awaited.set(parent, line);
    else this.tooMany = true;
  }
}

const tellBad = (tally: Tally, line: Line, parts: readonly LinePart[]): void => {
  const at = (part?: LinePart) => ({
    line: line.number,
    startBytes: line.startBytes + (part?.startBytes ?? 0),
  });
  if (line.isNul) return tally.find("zeroed", `is ${line.sizeBytes} NUL bytes`, at());
  if (line.bytes === undefined) {
    const reason = `has ${line.sizeBytes} bytes, over ${lineBytesMax}: not looked into`;
    return tally.find("unreadable", reason, at());
  }
  const values = parts.filter(({ kind }) => kind === "whole").length;
  for (const part of parts) {
    const length = part.endBytes - part.startBytes;
    if (part.kind === "nul") tally.find("zeroed", `has ${length} NUL bytes`, at(part));
    if (part.kind === "torn") {
      const where = line.isEnded ? "" : " at the end of the file";
      tally.find("torn", `a record is cut${where} after ${length} bytes`, at(part));
    }
    if (part.kind === "garbled") tally.find("garbled", `${length} bytes are no record`, at(part));
  }
  const broken = parts.filter(({ kind }) => kind === "torn" || kind === "garbled").length;
  if (values + broken < 2) return;
  const which = broken === 0 ? "all of them whole" : `${broken} of them broken`;
  tally.find("glued", `${values + broken} records stand on one line, ${which}`, at());
};
