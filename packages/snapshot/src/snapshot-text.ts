/**
 * A source as the lines of a snapshot, in fragments; all but the last line, which is its checksum.
 *
 * The rule: what is written can be read back, so a key that would be ambiguous and a line that no text
 * could hold are refused here, before a valid state.json is replaced.
 */
import { invariant } from "@taskwal/errors";
import { pieceText, type JsonPiece } from "./json-piece.ts";
import {
  decodeHead,
  headBytesMax,
  headLine,
  lineCharsMax,
  reservedKeys,
  type SnapshotSource,
} from "./snapshot-format.ts";

/** Throws if the head or a name could not be read back: an error of the program. */
export const assertSource = ({ head, summary, collections }: SnapshotSource): void => {
  const line = Buffer.from(headLine(head), "utf8");
  invariant(line.length <= headBytesMax, `a snapshot's head has at most ${headBytesMax} bytes`);
  invariant(decodeHead(line).kind === "ours", "a snapshot's head can be read back");
  const keys = [...Object.keys(summary), ...collections.map(({ name }) => name)];
  for (const key of keys) invariant(!reservedKeys.has(key), `"${key}" is no key of a snapshot`);
  invariant(new Set(keys).size === keys.length, "the keys of a snapshot differ");
};

/** Throws a RangeError for an entity or another part of more than lineCharsMax; errors of iterables pass through. */
export function* snapshotText(source: SnapshotSource): Generator<string, void, void> {
  yield headLine(source.head);
  for (const [key, value] of Object.entries(source.summary)) {
    yield `${JSON.stringify(key)}:`;
    yield* boundedText(value, () => `"${key}"`);
    yield ",\n";
  }
  for (const { name, entities } of source.collections) {
    yield `${JSON.stringify(name)}:[\n`;
    let between = "";
    let count = 0;
    for (const entity of entities) {
      if (between !== "") yield between;
      yield* boundedText(entity, () => `entity ${count} of "${name}"`);
      between = ",\n";
      count += 1;
    }
    yield between === "" ? "],\n" : "\n],\n";
  }
  yield '"engine":';
  yield* boundedText(source.engine, () => "the engine's part");
  yield ",\n";
}

/** A key, a colon and a comma stand on the line as well. */
const pieceCharsMax = lineCharsMax - 1024;

function* boundedText(piece: JsonPiece, whose: () => string): Generator<string, void, void> {
  let chars = 0;
  for (const text of pieceText(piece)) {
    chars += text.length;
    if (chars > pieceCharsMax) {
      throw new RangeError(
        `${whose()} is longer than ${lineCharsMax} characters: no text can hold it`,
      );
    }
    yield text;
  }
}
