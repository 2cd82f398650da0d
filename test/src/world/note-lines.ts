/**
 * A store of notes as lines, and what a person would make of the lines that are left: a reference that shares no code
 * with the product.
 *
 *     random mutations ─ /state/wal/*.jsonl ─ lines ─ some are overwritten ─> the rest, folded by hand
 *
 * The rule: same seed, same store, same damage.
 */
import { createSimDisk, Prng, type SimDisk } from "@taskwal/disk/sim";
import { openNotes } from "./note-model.ts";

/** What a note comes to: `whole` unless a mutation of it is missing. Undefined `text`: it is not there. */
export interface NoteFate {
  readonly text: string | undefined;
  readonly lines: readonly string[];
  readonly version: number;
  readonly whole: boolean;
}

export interface LineRecord {
  readonly seq: number;
  readonly type: string;
  readonly id?: string;
  readonly n?: number;
  readonly tx?: readonly [number, number];
  readonly data: { readonly text?: string };
}

export interface PlacedLine {
  readonly path: string;
  readonly startBytes: number;
  readonly endBytes: number;
  /** Undefined for headers, markers, seals. */
  readonly record: LineRecord | undefined;
}

/** Several lives of a store; each ends cleanly or is killed. */
export const randomNotes = async (
  seed: number,
  { lives = 3, steps = 25, snapshots = false, mirrors = false } = {},
): Promise<SimDisk> => {
  const sim = createSimDisk({ seed });
  const random = new Prng(seed);
  for (let life = 0; life < lives; life++) {
    const process = sim.process();
    const store = await openNotes(process, { segmentBytesMax: 2_048, mirrors });
    for (let step = 0; step < steps; step++) {
      if (snapshots && random.below(12) === 0) await store.snapshot();
      const id = `note ${random.below(6)}`;
      const text = { text: `${life}.${step}` };
      const [exists, choice] = [store.notes.get(id) !== undefined, random.below(10)];
      if (!exists) await store.notes.mutate(id, "note.created", text);
      else if (choice === 0) await store.notes.mutate(id, "note.deleted", {});
      else if (choice < 4) await store.notes.append(id, "lines", text);
      else if (choice < 6)
        await store.transact(({ notes }) => {
          notes.mutate(id, "note.edited", text);
          notes.append(id, "lines", text);
        });
      else await store.notes.mutate(id, "note.extended", text);
    }
    // The last one: so that all of it is promised, and what is missing is missed.
    if (random.below(2) === 0 || life === lives - 1) await store.close();
    else process.kill();
  }
  return sim;
};

export const linesOf = (sim: SimDisk, dir = "/state"): PlacedLine[] =>
  sim
    .listRaw()
    .filter((path) => path.startsWith(`${dir}/wal/`) && path.endsWith(".jsonl"))
    .flatMap((path) => {
      let startBytes = 0;
      const lines = Buffer.from(sim.readRaw(path)).toString("latin1").split("\n").slice(0, -1);
      return lines.map((line) => {
        const endBytes = startBytes + line.length + 1;
        const value = line.endsWith("}") ? (JSON.parse(line) as Partial<LineRecord>) : {};
        const record = value.seq === undefined ? undefined : (value as LineRecord);
        const placed = { path, startBytes, endBytes, record };
        startBytes = endBytes;
        return placed;
      });
    });

/** Overwrites a line's payload: it verifies no more. */
export const spoil = (sim: SimDisk, { path, startBytes, endBytes }: PlacedLine): void => {
  const bytes = Buffer.from(sim.readRaw(path));
  bytes.fill("x", startBytes + 20, endBytes - 1);
  sim.writeRaw(path, bytes);
};

/** What is left, in the order of sequences: a later life has the word from where it begins on. */
export const recordsOf = (sim: SimDisk, dir?: string): LineRecord[] => {
  const placed = linesOf(sim, dir).map((line) => ({ ...line, ...segmentOf(line.path) }));
  const starts = new Map(placed.map(({ path, first, epoch }) => [path, { first, epoch }]));
  const isOverridden = (epoch: number, seq: number): boolean =>
    [...starts.values()].some((other) => other.epoch > epoch && other.first <= seq);
  return placed
    .flatMap(({ record, epoch }) => (record && !isOverridden(epoch, record.seq) ? [record] : []))
    .toSorted((a, b) => a.seq - b.seq);
};

const segmentOf = (path: string): { readonly first: number; readonly epoch: number } => {
  const [, first, epoch] = /(\d{20})-(\d+)\.jsonl$/.exec(path) ?? [];
  return { first: Number(first), epoch: Number(epoch) };
};

/** What the records that are left come to, by the note's id. A transaction that lacks a member is not there. */
export const fatesOf = (records: readonly LineRecord[]): Record<string, NoteFate> => {
  const fates = new Map<
    string,
    { text: string | undefined; lines: string[]; n: number; whole: boolean; frozen: boolean }
  >();
  const there = new Set(records.map(({ seq }) => seq));
  const isBroken = ({ seq, tx: [index, count] = [1, 1] }: LineRecord): boolean =>
    Array.from({ length: count }, (_, at) => seq - index + 1 + at).some((one) => !there.has(one));
  const fateOf = (id: string) => {
    const fate = fates.get(id) ?? { text: undefined, lines: [], n: 0, whole: true, frozen: false };
    fates.set(id, fate);
    return fate;
  };
  const mutations = records.filter(({ type }) => !type.startsWith("$"));
  for (const record of mutations.filter((one) => !isBroken(one))) {
    const { id = "", n = 0, type, data } = record;
    const fate = fateOf(id);
    if (n > fate.n + 1) fate.whole = false;
    fate.n = n;
    const exists = fate.text !== undefined;
    // What is not there cannot be changed, nor made again: from there on nobody knows.
    if (exists === (type === "note.created") && !fate.whole) fate.frozen = true;
    if (fate.frozen) continue;
    if (type === "note.created") [fate.text, fate.lines] = [data.text, []];
    else if (type === "note.deleted") [fate.text, fate.lines] = [undefined, []];
    else if (type === "note.lines.appended") fate.lines = [...fate.lines, data.text ?? ""];
    else if (type === "note.edited") fate.text = data.text;
    else fate.text = `${fate.text}${data.text}`;
  }
  for (const { id = "", n = 0 } of mutations.filter(isBroken)) {
    const fate = fateOf(id);
    if (fate.n < n) [fate.n, fate.whole] = [n, false];
  }
  return Object.fromEntries(
    [...fates].map(([id, { text, lines, n, whole }]) => [id, { text, lines, version: n, whole }]),
  );
};
