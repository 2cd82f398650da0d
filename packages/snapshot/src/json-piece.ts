/**
 * JSON that is never held as one text: big objects and arrays are produced piece by piece.
 *
 *     lazyObject([["logs", lazyArray(items)]])  ──pieceText──>  '{"logs":['  '…'  ','  '…'  ']}'
 *
 * The rule: a piece may be walked once, and what it walks over must not change meanwhile.
 */
import { canonicalJson, type JsonValue } from "@taskwal/format";

const entriesKey = Symbol("entries");
const itemsKey = Symbol("items");

interface LazyObject {
  readonly [entriesKey]: Iterable<readonly [key: string, value: JsonPiece]>;
}
interface LazyArray {
  readonly [itemsKey]: Iterable<JsonPiece>;
}

export type JsonPiece = JsonValue | LazyObject | LazyArray;

/** An object whose entries come in the order given. */
export const lazyObject = (entries: Iterable<readonly [string, JsonPiece]>): JsonPiece => ({
  [entriesKey]: entries,
});

export const lazyArray = (items: Iterable<JsonPiece>): JsonPiece => ({ [itemsKey]: items });

const isLazy = (piece: JsonPiece): piece is LazyObject | LazyArray =>
  typeof piece === "object" && piece !== null && (entriesKey in piece || itemsKey in piece);

/** The text of a piece, in fragments of a few bytes up to one plain value each; plain parts have sorted keys. */
export function* pieceText(piece: JsonPiece): Generator<string, void, void> {
  if (!isLazy(piece)) {
    yield canonicalJson(piece);
    return;
  }
  if (itemsKey in piece) {
    let opening = "[";
    for (const item of piece[itemsKey]) {
      if (isLazy(item)) {
        yield opening;
        yield* pieceText(item);
      } else yield opening + canonicalJson(item);
      opening = ",";
    }
    yield opening === "[" ? "[]" : "]";
    return;
  }
  let opening = "{";
  for (const [key, value] of piece[entriesKey]) {
    const label = `${opening}${JSON.stringify(key)}:`;
    if (isLazy(value)) {
      yield label;
      yield* pieceText(value);
    } else yield label + canonicalJson(value);
    opening = ",";
  }
  yield opening === "{" ? "{}" : "}";
}
