/**
 * One damage to one file, and what at most it may cost.
 *
 *     wal/…jsonl   |header| 2 | 3 | 4 | 5 |      a bit of 4 ─> at most 4 is lost
 *                              └ tx ┘            and 3, 5 with it, if they are of one transaction
 *
 * The rule: what may be lost is read from the undamaged file, before anything is opened.
 */
import type { Issued } from "./ledger.ts";
import type { Medium } from "./medium.ts";
import type { SmallStore } from "./small-store.ts";

export interface Harm {
  /** For people: "bit 3 of byte 1204". */
  readonly what: string;
  readonly file: string;
  /** Half-open range of the bytes that changed; undefined if the file is gone or no byte of it is wrong. */
  readonly bytes: readonly [startBytes: number, endBytes: number] | undefined;
  /** Sequences whose lines are touched. */
  readonly touched: ReadonlySet<number>;
  /** Sequences of the same transactions. */
  readonly mates: ReadonlySet<number>;
  apply(medium: Medium): void;
}

const matesOf = (ledger: readonly Issued[], touched: ReadonlySet<number>): Set<number> => {
  const groups = new Set(ledger.filter(({ seq }) => touched.has(seq)).map(({ group }) => group));
  return new Set(
    ledger.filter(({ seq, group }) => groups.has(group) && !touched.has(seq)).map(({ seq }) => seq),
  );
};

type Hurt = Pick<Harm, "what" | "file" | "bytes" | "apply">;

/** A harm to the lines of `file` that reach into the bytes from `startBytes` to `endBytes`. */
const harmOf = (
  { ledger, lines }: SmallStore,
  hurt: Hurt,
  startBytes: number,
  endBytes: number,
): Harm => {
  const reached = (lines.get(hurt.file) ?? []).filter(
    (line) => line.startBytes < endBytes && startBytes < line.endBytes,
  );
  const touched = new Set(reached.flatMap(({ seq }) => seq ?? []));
  return { ...hurt, touched, mates: matesOf(ledger, touched) };
};

export const flippedBit = (store: SmallStore, file: string, bit: number): Harm => {
  const at = Math.floor(bit / 8);
  const apply = (medium: Medium): void => {
    const bytes = Uint8Array.from(medium.read(file));
    bytes[at] = (bytes[at] ?? 0) ^ (1 << (bit % 8));
    medium.write(file, bytes);
  };
  const hurt: Hurt = { what: `bit ${bit % 8} of byte ${at}`, file, bytes: [at, at + 1], apply };
  return harmOf(store, hurt, at, at + 1);
};

export const cutFile = (store: SmallStore, file: string, sizeBytes: number): Harm => {
  const apply = (medium: Medium): void => medium.write(file, medium.read(file).slice(0, sizeBytes));
  return harmOf(
    store,
    { what: `cut to ${sizeBytes} bytes`, file, bytes: undefined, apply },
    sizeBytes,
    Infinity,
  );
};

export const removedFile = (store: SmallStore, file: string): Harm => {
  const apply = (medium: Medium): void => medium.remove(file);
  return harmOf(store, { what: "removed", file, bytes: undefined, apply }, 0, Infinity);
};

/** What a tool does that means well: nothing may be lost. */
export const convertedFile = (
  file: string,
  what: string,
  convert: (text: string) => string,
): Harm => ({
  what,
  file,
  bytes: undefined,
  touched: new Set(),
  mates: new Set(),
  apply: (medium) => {
    const text = Buffer.from(medium.read(file)).toString("utf8");
    medium.write(file, Buffer.from(convert(text), "utf8"));
  },
});
