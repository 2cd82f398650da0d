/**
 * OpenTelemetry traces: OTLP/JSON, one `{"resourceSpans":[…]}` a line, as the file exporter of the collector writes them.
 *
 *     a trace a boot      boot 2                             gaps, marks as events; an error if it was not closed
 *     a trace an entity   task 6f… ─┬ pending ─ in_progress ─ failed     a span per stay, an event per record,
 *                                   └ root                               a link to whom a record was caused by
 *     a gap in no boot    an attribute of the resource, on every line
 *
 * The rule: the text of a span is written as its records are read, so no line is ever in memory.
 */
import type { Boot, Change } from "@taskwal/replay";
import { plainJson } from "../reading/plain-text.ts";
import { gapWords, pathWords } from "../reading/words.ts";
import { version } from "../version.ts";
import { lifeOf, type Enter, type Leave } from "./entity-life.ts";
import { gapsOf, headOf, type ExportSource } from "./export-source.ts";
import {
  attributes,
  childId,
  errorCode,
  internalKind,
  members,
  nanoseconds,
  rootId,
  type SpanId,
} from "./otlp-json.ts";
import { microseconds, readPlaces, type Lane, type RecordPlaces } from "./record-places.ts";

export async function* otlp(source: ExportSource): AsyncGenerator<string> {
  const places = await readPlaces(source);
  const [open, close] = [lineStart(source), "]}]}]}\n"];
  const boots = bootsIn(source);
  // What is missing is told also where nothing else is left to tell.
  if (boots.length + places.lanes.length === 0) yield open + close;
  for (const boot of boots) yield open + bootSpan(boot, source, places) + close;
  for (const lane of places.lanes) {
    yield open;
    yield* entitySpans(source, lane, places);
    yield close;
  }
}

const bootsIn = ({ info, after, to }: ExportSource): readonly Boot[] =>
  info.boots.filter(({ first, last }) => last > after && first <= to);

const isOf = ({ first, last }: Boot, sequence: number): boolean =>
  sequence >= first && sequence <= last;

/** Every line says what it is from: lines may be sent one by one. */
const lineStart = (source: ExportSource): string => {
  const boots = bootsIn(source);
  const alone = gapsOf(source.provenance, source.after).filter(
    ({ from }) => from <= source.after || !boots.some((boot) => isOf(boot, from)),
  );
  const { store = "", after, to, trust, gaps, redacted } = headOf(source);
  const resource = attributes({
    "service.name": "taskwal",
    "service.version": version,
    "service.instance.id": store,
    "taskwal.after": after,
    "taskwal.to": to,
    "taskwal.trust": trust,
    "taskwal.gaps": gaps,
    "taskwal.missing": alone.length > 0 ? alone.map(gapWords) : undefined,
    "taskwal.redacted": redacted.length > 0 ? redacted : undefined,
  });
  const scope = { name: "taskwal", version };
  return `{"resourceSpans":[{${members({ resource: { attributes: resource } })},"scopeSpans":[{${members({ scope })},"spans":[`;
};

const bootSpan = (told: Boot, source: ExportSource, places: RecordPlaces): string => {
  const { boot, first, last, at, lastAt, pid, host, engine, ended } = told;
  const { after, to, info, provenance } = source;
  const isOver = last <= to;
  const { startMs } = places;
  const startUs = microseconds(at, startMs);
  const endUs = isOver ? microseconds(lastAt, startMs) : places.endUs;
  const isIn = (sequence: number): boolean =>
    sequence > after && sequence <= to && isOf(told, sequence);
  const event = (name: string, sequence: number, values: Parameters<typeof attributes>[0]) => ({
    name,
    timeUnixNano: nanoseconds(places.startMs, places.usOf(sequence)),
    attributes: attributes(values),
  });
  const events = [
    ...gapsOf(provenance, after)
      .filter(({ from }) => isIn(from))
      .map(({ from, to, file, reason }) => event("gap", from, { from, to, file, reason })),
    ...info.marks
      .filter(({ sequence }) => isIn(sequence))
      .map(({ name, text, sequence }) => event(`mark ${name}`, sequence, { sequence, text })),
  ];
  return plainJson({
    ...rootId(info.store ?? "", "boot", first),
    name: `boot ${boot}`,
    kind: internalKind,
    startTimeUnixNano: nanoseconds(startMs, startUs),
    endTimeUnixNano: nanoseconds(startMs, Math.max(startUs, endUs)),
    attributes: attributes({
      "taskwal.first": first,
      "taskwal.last": last,
      "host.name": host,
      "process.pid": pid,
      "taskwal.engine": engine,
      "taskwal.unfinished": isOver ? undefined : true,
    }),
    ...(events.length > 0 && { events }),
    ...(isOver && ended !== "clean" && { status: { code: errorCode, message: ended } }),
  });
};

async function* entitySpans(
  source: ExportSource,
  lane: Lane,
  places: RecordPlaces,
): AsyncGenerator<string> {
  const { entity, id } = lane.ref;
  const { store = "" } = source.info;
  const root = rootId(store, entity, id);
  const { startMs } = places;
  const life = { startUs: 0, endUs: 0 };
  let stays = 0;
  let stay: Stay | undefined;
  for await (const step of lifeOf(source, lane, places)) {
    if (step.kind === "enter") {
      if (stays === 0) life.startUs = step.atUs;
      stays += 1;
      stay = { enter: step, events: 0, causes: new Set() };
      yield stayStart(step, root, startMs);
    } else if (step.kind === "change" && stay) {
      yield (
        (stay.events > 0 ? "," : "") + changeEvent(step.change, nanoseconds(startMs, step.atUs))
      );
      stay.events += 1;
      if (step.change.cause !== undefined) stay.causes.add(step.change.cause);
    } else if (step.kind === "leave" && stay) {
      life.endUs = step.atUs;
      yield stayEnd(stay, step, startMs, linksTo(stay.causes, lane, places, store));
    }
  }
  yield plainJson({
    ...root,
    name: `${entity} ${id}`,
    kind: internalKind,
    startTimeUnixNano: nanoseconds(startMs, life.startUs),
    endTimeUnixNano: nanoseconds(startMs, life.endUs),
    attributes: attributes({ "taskwal.entity": entity, "taskwal.id": id }),
  });
}

interface Stay {
  readonly enter: Enter;
  events: number;
  readonly causes: Set<number>;
}

/** Up to the events, which come as they are read. */
const stayStart = ({ status, sequence, atUs }: Enter, root: SpanId, startMs: number): string =>
  `{${members({
    ...childId(root, sequence),
    parentSpanId: root.spanId,
    name: status,
    kind: internalKind,
    startTimeUnixNano: nanoseconds(startMs, atUs),
  })},"events":[`;

const changeEvent = (
  { sequence, type, actor, cause, changes }: Change,
  timeUnixNano: string,
): string =>
  plainJson({
    name: type || "snapshot",
    timeUnixNano,
    attributes: attributes({
      "taskwal.sequence": sequence,
      "taskwal.actor": actor,
      "taskwal.cause": cause,
      // A path may be a name that an agent chose; a value could be long, and is in `taskwal show`.
      "taskwal.changed": changes.map(({ path }) => pathWords(path)),
    }),
  });

const stayEnd = (
  { enter }: Stay,
  { atUs, sequence, gaps }: Leave,
  startMs: number,
  links: readonly object[],
): string =>
  `],${members({
    endTimeUnixNano: nanoseconds(startMs, atUs),
    attributes: attributes({
      "taskwal.from": enter.sequence,
      "taskwal.to": sequence,
      "taskwal.missing": gaps.length > 0 ? gaps.map(gapWords) : undefined,
      "taskwal.unfinished": sequence === undefined ? true : undefined,
    }),
    ...(links.length > 0 && { links }),
    ...(enter.status === "failed" && { status: { code: errorCode } }),
  })}},`;

/** To the traces of other entities; what an entity caused itself is an event's attribute. */
const linksTo = (
  causes: ReadonlySet<number>,
  lane: Lane,
  places: RecordPlaces,
  store: string,
): readonly object[] =>
  [...causes].flatMap((cause) => {
    const causing = places.laneOf(cause);
    if (!causing || causing === lane) return [];
    const { entity, id } = causing.ref;
    return [{ ...rootId(store, entity, id), attributes: attributes({ "taskwal.cause": cause }) }];
  });
