/**
 * JSON that is never held as one text: big parts are produced piece by piece.
 *
 *     lazyObject([["id", "6f"], ["logs", lazyArray(lines)]])
 *       ─ pieceText ─>  '{"id":"6f"'  ',"logs":['  '…'  ',…'  ']'  '}'
 *
 * The rule: a piece is walked once, what it walks over must not change meanwhile, and no fragment of
 * its text is long, however long a list, a text or a plain value inside it is.
 */
import { canonicalJson, type JsonValue } from "@taskwal/format";

const entriesKey = Symbol("entries");
const itemsKey = Symbol("items");

/** What a lazy part gives: something of it, or `undefined` for "not yet", after a while of looking. */
export type Found<Part> = Iterable<Part | undefined>;

interface LazyObject {
  readonly [entriesKey]: Found<readonly [key: string, value: JsonPiece]>;
}
interface LazyArray {
  readonly [itemsKey]: Found<JsonPiece>;
}

/** A value as the view of a moment: plain JSON, or an object or array whose parts are produced when asked for. */
export type JsonPiece = JsonValue | LazyObject | LazyArray;

/** An object with the entries in the order given; the keys must differ. */
export const lazyObject = (entries: Found<readonly [string, JsonPiece]>): JsonPiece => ({
  [entriesKey]: entries,
});

/** An array with the items in the order given. */
export const lazyArray = (items: Found<JsonPiece>): JsonPiece => ({ [itemsKey]: items });

const isLazyObject = (piece: JsonPiece): piece is LazyObject =>
  typeof piece === "object" && piece !== null && entriesKey in piece;

const isLazyArray = (piece: JsonPiece): piece is LazyArray =>
  typeof piece === "object" && piece !== null && itemsKey in piece;

/** A plain value whose text may be longer than this, in UTF-16 units, is taken apart. */
const fragmentCharsMax = 16 * 1024;

/**
 * The JSON text of a piece, in fragments of at most about 100 Ki UTF-16 units. Plain values are
 * canonical (sorted keys); lazy ones keep their order. Errors of the iterables pass through.
 */
export function* pieceText(piece: JsonPiece): Generator<string, void, void> {
  if (isLazyArray(piece)) yield* itemsText(piece[itemsKey]);
  else if (isLazyObject(piece)) yield* entriesText(piece[entriesKey]);
  else if (charsLeft(piece, fragmentCharsMax) >= 0) yield canonicalJson(piece);
  else if (typeof piece === "string") yield* longText(piece);
  else if (Array.isArray(piece)) yield* itemsText(piece as readonly JsonValue[]);
  else yield* entriesText(sortedEntries(piece as { readonly [key: string]: JsonValue }));
}

function* itemsText(items: Found<JsonPiece>): Generator<string, void, void> {
  let before = "[";
  for (const item of items) {
    if (item === undefined) {
      yield "";
      continue;
    }
    yield* joined(before, item);
    before = ",";
  }
  yield before === "[" ? "[]" : "]";
}

function* entriesText(entries: Found<readonly [string, JsonPiece]>): Generator<string, void, void> {
  let before = "{";
  for (const entry of entries) {
    if (entry === undefined) {
      yield "";
      continue;
    }
    const [key, value] = entry;
    yield* joined(`${before}${JSON.stringify(key)}:`, value);
    before = ",";
  }
  yield before === "{" ? "{}" : "}";
}

/** Most parts are short: one fragment for them and what stands before. */
function* joined(before: string, piece: JsonPiece): Generator<string, void, void> {
  if (isPlain(piece) && charsLeft(piece, fragmentCharsMax) >= 0) {
    yield before + canonicalJson(piece);
    return;
  }
  yield before;
  yield* pieceText(piece);
}

const isPlain = (piece: JsonPiece): piece is JsonValue =>
  !isLazyArray(piece) && !isLazyObject(piece);

/** What is left of `chars` after about the length of the value's text; negative, and no further, once it is used up. */
const charsLeft = (value: JsonValue, chars: number): number => {
  if (typeof value === "string") return chars - value.length - 2;
  if (typeof value !== "object" || value === null) return chars - 4;
  let left = chars - 2;
  if (Array.isArray(value)) {
    for (const item of value as readonly JsonValue[]) {
      if ((left = charsLeft(item, left - 1)) < 0) return left;
    }
    return left;
  }
  for (const [key, part] of Object.entries(value)) {
    if ((left = charsLeft(part, left - key.length - 4)) < 0) return left;
  }
  return left;
};

/** In the order of canonicalJson: by UTF-16 units, without what is undefined. */
const sortedEntries = (value: {
  readonly [key: string]: JsonValue;
}): (readonly [string, JsonValue])[] =>
  Object.entries(value)
    .filter(([, part]) => part !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1));

function* longText(text: string): Generator<string, void, void> {
  let before = '"';
  for (let start = 0; start < text.length;) {
    let end = start + fragmentCharsMax;
    // A pair cut in two would be written as two lone surrogates: the same value in other bytes.
    if (isPair(text, end - 1)) end += 1;
    yield before + JSON.stringify(text.slice(start, end)).slice(1, -1);
    before = "";
    start = end;
  }
  yield `${before}"`;
}

const isPair = (text: string, at: number): boolean => (text.codePointAt(at) ?? 0) > 0xffff;
