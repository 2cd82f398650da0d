/**
 * A list as of one mutation: the first `length` items of pieces that others go on filling.
 *
 *     pieces [ 1,024 items ] [ 1,024 items ] [ 7 items ]     length 2,055; an older view says 2,054
 *
 * An append costs one push, and an older view stays what it was. An item that was taken back is beyond
 * every length, until the next one takes its place. The rule: no piece is longer than `pieceItems`. One array for all
 * items is copied whole whenever it has grown by half, and lists that grow together are copied together: 64 lists
 * of 24,000 items held the event loop for 50 ms.
 */
import type { JsonValue } from "@taskwal/format";

const pieceItems = 1024;

export interface ListView {
  readonly pieces: JsonValue[][];
  readonly length: number;
}

/** A view of `items`, which nobody else may change. */
export const listOf = (items: JsonValue[]): ListView => {
  const { length } = items;
  if (length <= pieceItems) return { pieces: [items], length };
  const pieces: JsonValue[][] = [];
  for (let from = 0; from < length; from += pieceItems) {
    pieces.push(items.slice(from, from + pieceItems));
  }
  return { pieces, length };
};

/** A view of so many items that nobody knows, for those who look at what comes behind them only. */
export const unknownItems = (length: number): ListView => {
  const pieces = Array.from({ length: Math.ceil(length / pieceItems) }, (): JsonValue[] => []);
  return { pieces, length };
};

/** The list with one more item; `view` stays what it was. */
export const appendItem = (view: ListView | undefined, item: JsonValue): ListView => {
  if (!view) return listOf([item]);
  const { pieces, length } = view;
  const piece = pieces[Math.floor(length / pieceItems)];
  if (piece) piece[length % pieceItems] = item;
  else pieces.push([item]);
  return { pieces, length: length + 1 };
};

/** The items, oldest first, from `from` on. */
export function* listItems(view: ListView, from = 0): Generator<JsonValue> {
  for (let at = from; at < view.length; at++) yield itemAt(view, at);
}

/** The item at an index, which must be below the length. */
export const itemAt = ({ pieces }: ListView, index: number): JsonValue =>
  pieces[Math.floor(index / pieceItems)]?.[index % pieceItems] as JsonValue;

/** The newest so many items, oldest first. */
export const lastItems = (view: ListView | undefined, count: number): readonly JsonValue[] =>
  view ? [...listItems(view, Math.max(0, view.length - count))] : [];
