/**
 * What the rows of an entity between two points say, without their values: each has the set of names that it changed.
 *
 *     low ── @4 {status} ── @7 {logs} ── @9 {status, updatedAt} ── high      status: @4, @9   logs: @7   updatedAt: @9
 *
 * The rule: rows are in the order in which they lie.
 */
import { kinds } from "./rows.ts";
import type { Track } from "./track.ts";

export interface Span {
  readonly ordinal: number;
  /** At sequences above `after` and up to `to`. */
  readonly after: number;
  readonly to: number;
  readonly rows: Uint32Array;
  /** By field, those of the rows that changed it. */
  readonly byName: RowsByName;
  /** It was there all the while, and its lists did nothing but grow. */
  readonly isSteady: boolean;
  /** Of the names those of fields, and those of lists that items were appended to. */
  readonly fields: readonly string[];
  readonly lists: readonly string[];
}

export type RowsByName = ReadonlyMap<string, readonly number[]>;

export const spanOf = (track: Track, ordinal: number, after: number, to: number): Span => {
  const rows = track.rows.of(ordinal, after, to);
  const last = track.rows.of(ordinal, -1, after).at(-1);
  const isThere = last !== undefined && track.rows.kind(last) !== kinds.removed;
  const isSteady = isThere && rows.every((row) => !isTurn(track, row));
  const byName = rowsByName(track, rows);
  const [fields, lists]: [string[], string[]] = [[], []];
  for (const [name, [first = 0]] of byName) {
    (track.rows.kind(first) === kinds.append ? lists : fields).push(name);
  }
  return { ordinal, after, to, rows, byName, isSteady, fields, lists };
};

export const rowsByName = (track: Track, rows: Uint32Array): RowsByName => {
  const byName = new Map<string, number[]>();
  for (const row of rows) {
    for (const name of namesIn(track, row)) {
      const known = byName.get(name);
      if (known) known.push(row);
      else byName.set(name, [row]);
    }
  }
  return byName;
};

const noNames: ReadonlySet<string> = new Set();

export const namesIn = ({ rows, fieldSets }: Track, row: number): ReadonlySet<string> =>
  fieldSets[rows.value("fields", row)] ?? noNames;

/** Nothing of what the entity was before goes on behind it. */
const isTurn = ({ rows }: Track, row: number): boolean => {
  const kind = rows.kind(row);
  return kind === kinds.base || kind === kinds.removed;
};
