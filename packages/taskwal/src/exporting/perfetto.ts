/**
 * A trace for ui.perfetto.dev and chrome://tracing, in the JSON array form of the Chrome trace event format.
 *
 *     pid 1  the store     boots ▬▬▬▬▬▬  ▬▬▬▬        gaps, marks, crashes as instants over everything
 *     pid 2… a kind each   a track per entity: a slice per stay in a status, an instant per record, arrows from causes
 *
 * The rule: microseconds from the first record that is told, never stepping back within a track; slices of a track
 * never overlap. The array form may be cut off anywhere and still opens.
 * (https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU)
 */
import type { Boot, Change, Gap, Info } from "@taskwal/replay";
import { plainJson } from "../reading/plain-text.ts";
import { gapWords, pathWords, timeWords } from "../reading/words.ts";
import { version } from "../version.ts";
import { lifeOf, type Enter, type Leave } from "./entity-life.ts";
import { gapsOf, headOf, type ExportSource } from "./export-source.ts";
import { microseconds, readPlaces, type Lane, type RecordPlaces } from "./record-places.ts";

type TraceEvent = Readonly<Record<string, unknown>> & { readonly ph: string };

export async function* perfetto(source: ExportSource): AsyncGenerator<string> {
  let separator = "[\n";
  for await (const event of traceEvents(source)) {
    yield separator + plainJson(event);
    separator = ",\n";
  }
  yield "\n]\n";
}

async function* traceEvents(source: ExportSource): AsyncGenerator<TraceEvent> {
  const places = await readPlaces(source);
  yield* storeEvents(source, places);
  for (const [index, kind] of places.kinds.entries())
    yield* named("process", storePid + 1 + index, 0, kind);
  for (const lane of places.lanes) yield* laneEvents(source, lane, places);
}

const storePid = 1;
const bootTrack = 1;
const categories = { boot: "boot", status: "status", record: "record", cause: "cause" } as const;

function* named(
  what: "process" | "thread",
  pid: number,
  tid: number,
  name: string,
): Generator<TraceEvent> {
  yield { ph: "M", name: `${what}_name`, pid, tid, args: { name } };
  yield {
    ph: "M",
    name: `${what}_sort_index`,
    pid,
    tid,
    args: { sort_index: what === "process" ? pid : tid },
  };
}

/** The store's own: what the file is, its lives, and what concerns all of it. */
function* storeEvents(source: ExportSource, places: RecordPlaces): Generator<TraceEvent> {
  const { after, to, info, provenance } = source;
  yield* named("process", storePid, 0, "store");
  yield* named("thread", storePid, bootTrack, "boots");
  const args = { taskwal: version, ...headOf(source), start: timeWords(places.startMs) };
  yield global("export", 0, args);
  let bootUs = 0;
  for (const boot of info.boots.filter((one) => one.last > after && one.first <= to))
    bootUs = yield* bootEvents(boot, bootUs, places, source);
  for (const mark of info.marks.filter(({ sequence }) => sequence > after && sequence <= to))
    yield markEvent(mark, places);
  for (const gap of gapsOf(provenance, after)) yield gapEvent(gap, places);
}

/** Returns where it ends: the next one does not begin before. */
function* bootEvents(
  boot: Boot,
  afterUs: number,
  places: RecordPlaces,
  { to }: ExportSource,
): Generator<TraceEvent, number> {
  const { first, last, at, lastAt, pid, host, engine, ended } = boot;
  const startUs = Math.max(afterUs, microseconds(at, places.startMs));
  const isOver = last <= to;
  const endUs = Math.max(startUs, isOver ? microseconds(lastAt, places.startMs) : places.endUs);
  const args = { first, last, host, process: pid, engine, ended: isOver ? ended : undefined };
  const name = `boot ${boot.boot}`;
  const track = { pid: storePid, tid: bootTrack };
  yield slice({ ...track, cat: categories.boot, name, args }, startUs, endUs);
  if (isOver && ended !== "clean") yield global(`${name} not closed`, endUs, { sequence: last });
  return endUs;
}

const markEvent = (
  { sequence, name, text }: Info["marks"][number],
  places: RecordPlaces,
): TraceEvent => global(`mark ${name}`, places.usOf(sequence), { sequence, text });

const gapEvent = (gap: Gap, places: RecordPlaces): TraceEvent =>
  global(gapWords(gap), places.usOf(gap.from), { ...gap });

async function* laneEvents(
  source: ExportSource,
  lane: Lane,
  places: RecordPlaces,
): AsyncGenerator<TraceEvent> {
  const track = trackOf(lane);
  yield* named("thread", track.pid, track.tid, lane.ref.id);
  let entered: Enter | undefined;
  for await (const step of lifeOf(source, lane, places)) {
    if (step.kind === "enter") entered = step;
    else if (step.kind === "change") yield* changeEvents(step.change, step.atUs, track, places);
    else if (entered) yield stayEvent(entered, step, track);
  }
}

interface Track {
  readonly pid: number;
  readonly tid: number;
}

const trackOf = ({ kind, number }: Lane): Track => ({ pid: storePid + kind, tid: number });

const stayEvent = (enter: Enter, leave: Leave, track: Track): TraceEvent => {
  const { status: name, sequence: from } = enter;
  const missing = leave.gaps.length > 0 ? leave.gaps.map(gapWords) : undefined;
  const args = { from, to: leave.sequence, missing };
  return slice({ ...track, cat: categories.status, name, args }, enter.atUs, leave.atUs);
};

function* changeEvents(
  change: Change,
  ts: number,
  track: Track,
  places: RecordPlaces,
): Generator<TraceEvent> {
  const { sequence, type, actor, cause, changes } = change;
  // A path may be a name that an agent chose; a value could be long, and is in `taskwal show`.
  const changed = changes.map(({ path }) => pathWords(path));
  const args = { sequence, actor, cause, changed };
  yield { ph: "i", s: "t", ...track, ts, cat: categories.record, name: type || "snapshot", args };
  const causing = cause === undefined ? undefined : places.laneOf(cause);
  // An arrow that leads back in time, since the clock did, is one that readers drop.
  if (cause === undefined || !causing || places.usOf(cause) > ts) return;
  const flow = { cat: categories.cause, name: "cause", id: sequence };
  yield { ph: "s", ...flow, ...trackOf(causing), ts: places.usOf(cause) };
  yield { ph: "f", bp: "e", ...flow, ...track, ts };
}

const slice = (
  event: Readonly<Record<string, unknown>>,
  startUs: number,
  endUs: number,
): TraceEvent => ({ ph: "X", ...event, ts: startUs, dur: endUs - startUs });

const global = (name: string, ts: number, args: object): TraceEvent => ({
  ph: "i",
  s: "g",
  pid: storePid,
  tid: bootTrack,
  ts,
  name,
  args,
});
