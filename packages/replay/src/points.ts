/**
 * How a person names a position, and which sequence that is. `@N` is the state after record N.
 *
 *     12  @12  @0  @first  @last  HEAD        a sequence; the ends of what is kept
 *     12~3  12^  @last~2                      three before, one before
 *     2026-01-01T12:00:01Z  12:00:01          after the last record, in the order of sequences, that is not later
 *     -5m  "5 minutes ago"                    before the last record, not before now
 *     boot:2  boot:2/end  boot:-1             a life's first and last record; -1 is the last life
 *     close                                   the last clean end
 *     mark:NAME                               a $mark record
 *
 * The rule: what is not in this table, or not in this log, is refused with what there is.
 */
import { PointError } from "./point-error.ts";
import type { Boot } from "./offline.ts";
import type { Track } from "./track.ts";

/** What of a track tells where a point is. */
export type Places = Pick<Track, "boots" | "marks" | "rows"> & {
  readonly log: Pick<Track["log"], "base" | "last">;
};

/** Throws PointError. */
export const pointOf = (text: string, places: Places): number => {
  const [, start = "", back = ""] = /^\s*(.*?)((?:\^|~\d+)*)\s*$/.exec(text) ?? [];
  const sequence = startOf(start, places) - stepsBack(back);
  const { last } = places.log;
  const base = baseOf(places);
  if (sequence >= base && sequence <= last) return sequence;
  throw new PointError(`there is no point "${text}": the log has @${base} to @${last}`);
};

/** The lowest that can be asked for: that of the base, 0 if the log begins at the beginning. */
const baseOf = ({ log }: Places): number => log.base?.sequence ?? 0;

const stepsBack = (text: string): number =>
  [...text.matchAll(/\^|~(\d+)/g)].reduce((sum, [, count = "1"]) => sum + Number(count), 0);

const startOf = (text: string, places: Places): number => {
  const { boots, marks, log } = places;
  const { last } = log;
  const base = baseOf(places);
  const number = /^@?(\d{1,15})$/.exec(text)?.[1];
  if (number !== undefined) return Number(number);
  if (text === "@first") return base === 0 ? Math.min(1, last) : base;
  if (text === "@last" || text === "HEAD") return last;
  const boot = /^boot:(-?\d{1,9})(\/end)?$/.exec(text);
  if (boot) return bootPoint(Number(boot[1]), boot[2] !== undefined, boots);
  if (text === "close") {
    const closed = boots.findLast(({ ended }) => ended === "clean");
    if (!closed) throw new PointError("no life of this store ended cleanly");
    return closed.last;
  }
  if (text.startsWith("mark:")) {
    const mark = marks.findLast(({ name }) => name === text.slice(5));
    if (mark) return mark.sequence;
    const there = marks.map(({ name }) => name).slice(-5);
    throw new PointError(
      `there is no mark "${text.slice(5)}": there are ${there.join(", ") || "none"}`,
    );
  }
  return timePoint(text, places);
};

const bootPoint = (number: number, isEnd: boolean, boots: readonly Boot[]): number => {
  const boot = number > 0 ? boots.find((one) => one.boot === number) : boots.at(number);
  if (number === 0 || !boot) {
    throw new PointError(`there is no boot ${number}: the log has ${boots.length}`);
  }
  return isEnd ? boot.last : boot.first;
};

const unitsMs: readonly (readonly [pattern: RegExp, ms: number])[] = [
  [/^(ms|milliseconds?)$/, 1],
  [/^(s|secs?|seconds?)$/, 1_000],
  [/^(m|mins?|minutes?)$/, 60_000],
  [/^(h|hrs?|hours?)$/, 3_600_000],
  [/^(d|days?)$/, 86_400_000],
  [/^(w|weeks?)$/, 7 * 86_400_000],
];

const timePoint = (text: string, places: Places): number => {
  const lastAt = lastBefore(places, Infinity)?.at ?? 0;
  const wanted = agoMs(text, lastAt) ?? clockTime(text, lastAt);
  if (wanted === undefined) {
    throw new PointError(
      `"${text}" is no point: it takes a sequence, a time, -5m, boot:2, close, mark:NAME, @first or @last`,
    );
  }
  return lastBefore(places, wanted)?.sequence ?? baseOf(places);
};

/** The last record, in the order of sequences, that is not later than a time. */
const lastBefore = (
  { rows }: Places,
  time: number,
): { readonly sequence: number; readonly at: number } | undefined => {
  for (let row = rows.length - 1; row >= 0; row--) {
    const at = rows.value("at", row);
    if (at <= time) return { sequence: rows.value("sequence", row), at };
  }
  return undefined;
};

const agoMs = (text: string, lastAt: number): number | undefined => {
  const [, minus, count, unit = "", ago] =
    /^(-?)(\d+(?:\.\d+)?)\s*([a-z]+)(\s+ago)?$/.exec(text.trim()) ?? [];
  if ((minus === "-") === (ago !== undefined)) return undefined;
  const ms = unitsMs.find(([pattern]) => pattern.test(unit))?.[1];
  return ms === undefined ? undefined : lastAt - Number(count) * ms;
};

/** A whole time, or one of the last record's day; in UTC where no zone is said. */
const clockTime = (text: string, lastAt: number): number | undefined => {
  const day = new Date(lastAt).toISOString().slice(0, 10);
  const ofDay = /^\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?Z?$/.test(text);
  const whole = ofDay
    ? `${day}T${text.padStart(text.indexOf(":") === 1 ? text.length + 1 : 0, "0")}`
    : text;
  if (!/^\d{4}-\d{2}-\d{2}([T ]|$)/.test(whole)) return undefined;
  const zoned = /(Z|[+-]\d{2}:?\d{2})$/.test(whole) || whole.length === 10 ? whole : `${whole}Z`;
  const at = Date.parse(zoned);
  return Number.isNaN(at) ? undefined : at;
};
