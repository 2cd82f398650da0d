/**
 * What can happen to the files of a state directory while nobody looks: changed, swapped, copied,
 * misdirected, restored from an older day; one of these or several.
 *
 *     files ─ harm ─ harm ─ (checksums made right again) ─> files, which of them changed, what a forger said
 *
 * The rule: a function of the generator and of the undamaged files; nothing is opened here.
 */
import type { Prng } from "@taskwal/disk/sim";
import { pageIds, type FuzzStore } from "./fuzz-store.ts";
import { mutate } from "./mutate.ts";
import { resealHead, resealLines, resealSnapshot, saltOfFile } from "./reseal.ts";

export type Files = Map<string, Buffer>;

/** What is harmed: a store's files by their names in its directory, and what they were at earlier moments. */
export type Undamaged = Pick<FuzzStore, "files" | "older" | "storeId">;

export interface Harmed {
  readonly files: ReadonlyMap<string, Buffer>;
  /** For people: each harm with its file. */
  readonly what: readonly string[];
  /** Files whose bytes are others than before, that are gone, or that are new. */
  readonly changed: ReadonlySet<string>;
  /** Some bytes are gone and nothing stands in their place: an end that was cut, an older copy. */
  readonly shortens: boolean;
  readonly isResealed: boolean;
  /**
   * Pages that stand in a line whose content was changed, added or taken away and which was then given
   * a right checksum: of these no engine can know what is true. Of no others.
   */
  readonly forgedPages: ReadonlySet<string>;
}

const isSegment = (name: string): boolean => name.endsWith(".jsonl");
const isSnapshot = (name: string): boolean => name.startsWith("state.");

const named = (files: Files, wanted: (name: string) => boolean): string[] =>
  [...files.keys()].filter(wanted);

/** The log and the snapshots mostly; claims are empty and mirrors are only read after a loss. */
const target = (prng: Prng, files: Files): string => {
  const choice = prng.below(20);
  const of = (wanted: (name: string) => boolean): string[] => named(files, wanted);
  const groups = [
    of(isSegment),
    of(isSnapshot),
    of((name) => name === "wal/HEAD"),
    [...files.keys()],
  ];
  const group = groups[choice < 10 ? 0 : choice < 15 ? 1 : choice < 17 ? 2 : 3] ?? [];
  const from = group.length > 0 ? group : [...files.keys()];
  return from[prng.below(from.length)] ?? "";
};

/** Another file of the same kind; any other file where there is none. */
const partner = (prng: Prng, files: Files, name: string): string => {
  const kind = isSegment(name) ? isSegment : isSnapshot(name) ? isSnapshot : () => true;
  const same = named(files, (one) => one !== name && kind(one));
  const others = same.length > 0 ? same : named(files, (one) => one !== name);
  return others[prng.below(others.length)] ?? name;
};

const bytesOf = (files: Files, name: string): Buffer => files.get(name) ?? Buffer.alloc(0);

interface Place {
  readonly prng: Prng;
  readonly files: Files;
  readonly name: string;
  readonly store: Undamaged;
}

/** Changes the files and says what it did; undefined if it cannot be done here. */
type Harm = (place: Place) => string | undefined;

const change: Harm = ({ prng, files, name }) => {
  const bytes = bytesOf(files, name);
  if (bytes.length === 0) return undefined;
  files.set(name, mutate(prng, bytes, bytesOf(files, partner(prng, files, name)), "lines"));
  return "changed";
};

const flip: Harm = ({ prng, files, name }) => {
  const bytes = Buffer.from(bytesOf(files, name));
  if (bytes.length === 0) return undefined;
  const at = prng.below(bytes.length);
  bytes[at] = (bytes[at] ?? 0) ^ (1 << prng.below(8));
  files.set(name, bytes);
  return `a bit of byte ${at} flipped`;
};

const cut: Harm = ({ prng, files, name }) => {
  const bytes = bytesOf(files, name);
  const length = prng.below(bytes.length + 1);
  files.set(name, bytes.subarray(0, length));
  return `cut to ${length} bytes`;
};

const remove: Harm = ({ files, name }) => {
  files.delete(name);
  return "removed";
};

const swap: Harm = ({ prng, files, name }) => {
  const other = partner(prng, files, name);
  const bytes = bytesOf(files, name);
  files.set(name, bytesOf(files, other)).set(other, bytes);
  return `swapped with ${other}`;
};

const renameOver: Harm = ({ prng, files, name }) => {
  const other = partner(prng, files, name);
  files.set(other, bytesOf(files, name));
  if (other !== name) files.delete(name);
  return `renamed over ${other}`;
};

/** A name that the store would give to a file of this kind, near to those that it has. */
const otherName = (prng: Prng, name: string): string | undefined => {
  const segment = /^wal\/(\d{20})-(\d{8})\.jsonl$/.exec(name);
  if (segment) {
    const first = Math.max(1, Number(segment[1]) + prng.below(12) - 4);
    const epoch = Math.max(1, Number(segment[2]) + prng.below(4) - 1);
    return `wal/${String(first).padStart(20, "0")}-${String(epoch).padStart(8, "0")}.jsonl`;
  }
  if (isSnapshot(name))
    return `state.backup.20250101T00000${prng.below(10)}.000Z-${prng.below(40)}.json`;
  return undefined;
};

const copy: Harm = ({ prng, files, name }) => {
  const other = otherName(prng, name);
  if (other === undefined) return undefined;
  files.set(other, bytesOf(files, name));
  return `copied to ${other}`;
};

const sectorOf = (prng: Prng, bytes: Buffer, sectorBytes: number): readonly [number, number] => {
  const start = prng.below(Math.ceil(bytes.length / sectorBytes)) * sectorBytes;
  return [start, Math.min(bytes.length, start + sectorBytes)];
};

const zeroSector: Harm = ({ prng, files, name }) => {
  const bytes = Buffer.from(bytesOf(files, name));
  if (bytes.length === 0) return undefined;
  const sectorBytes = prng.pick([512, 4096]);
  const [start, end] = sectorOf(prng, bytes, sectorBytes);
  files.set(name, bytes.fill(0, start, end));
  return `bytes ${start} to ${end} zeroed`;
};

/** A sector that was meant for one file is written into another. */
const misdirect: Harm = ({ prng, files, name }) => {
  const from = bytesOf(files, partner(prng, files, name));
  const bytes = Buffer.from(bytesOf(files, name));
  if (from.length === 0 || bytes.length === 0) return undefined;
  const [start, end] = sectorOf(prng, from, 512);
  const [at] = sectorOf(prng, bytes, 512);
  from.copy(bytes, at, start, Math.min(end, start + bytes.length - at));
  files.set(name, bytes);
  return `a sector of another file at byte ${at}`;
};

const restoreOlder: Harm = ({ prng, files, name, store }) => {
  const olders = store.older.get(name) ?? [];
  const older = olders[prng.below(olders.length)];
  if (!older) return undefined;
  files.set(name, older);
  return "restored from an older copy";
};

/** Those behind which bytes are missing that nothing on the disk tells of. */
const shortening = new Set<Harm>([change, cut, remove, renameOver, restoreOlder]);

const harms: readonly [Harm, ...Harm[]] = [
  change,
  change,
  change,
  flip,
  cut,
  remove,
  swap,
  renameOver,
  copy,
  zeroSector,
  misdirect,
  restoreOlder,
  restoreOlder,
];

/** One harm in three of four cases, up to four else. */
export const harmFiles = (prng: Prng, store: Undamaged): Harmed => {
  const files: Files = new Map(store.files);
  const what: string[] = [];
  let shortens = false;
  const count = prng.below(4) === 0 ? 2 + prng.below(3) : 1;
  while (what.length < count) {
    const name = target(prng, files);
    const harm = prng.pick(harms);
    const did = harm({ prng, files, name, store });
    if (did === undefined) continue;
    what.push(`${name}: ${did}`);
    shortens ||= shortening.has(harm);
  }
  const isResealed = prng.below(5) < 2;
  const changed = changedOf(store, files);
  const forgedPages = isResealed ? reseal(store, files, changed) : new Set<string>();
  return { files, what, changed, shortens, isResealed, forgedPages };
};

const changedOf = ({ files: before }: Undamaged, files: Files): Set<string> => {
  const names = new Set([...before.keys(), ...files.keys()]);
  return new Set([...names].filter((name) => !sameBytes(before.get(name), files.get(name))));
};

const sameBytes = (a: Buffer | undefined, b: Buffer | undefined): boolean =>
  a === undefined || b === undefined ? a === b : a.equals(b);

/** Makes the checksums of changed files right. Returns the pages that a forger may have spoken of. */
const reseal = (store: Undamaged, files: Files, changed: ReadonlySet<string>): Set<string> => {
  // What a writer wrote into a file of this kind, then or now, is true wherever it is put.
  const true_ = new Set([...store.files, ...[...store.older].flatMap(olderOf)].flatMap(bodiesOf));
  const forged = new Set<string>();
  for (const name of changed) {
    const bytes = files.get(name);
    if (!bytes) continue;
    const sealed = resealed(name, bytes, store.storeId);
    if (!sealed) continue;
    files.set(name, sealed);
    const now = bodiesOf([name, sealed]);
    const before = bodiesOf([name, store.files.get(name) ?? Buffer.alloc(0)]);
    // A record that goes is a loss like any other; a line that goes from a snapshot is a forger's word.
    const gone = isSnapshot(name) ? before.filter((body) => !now.includes(body)) : [];
    // Lines of several snapshots in one are a state that never was, though each of them is true.
    const said = now.filter(
      (body) => !(isSnapshot(name) ? before.includes(body) : true_.has(body)),
    );
    for (const id of pageIds)
      if ([...gone, ...said].some((body) => mentions(body, id))) forged.add(id);
  }
  return forged;
};

const olderOf = ([name, olders]: readonly [string, readonly Buffer[]]): [string, Buffer][] =>
  olders.map((bytes) => [name, bytes]);

const mentions = (body: string, id: string): boolean => body.includes(`"${id}"`);

/** Lines without their checksums, and an entity's without the comma that depends on its place. */
const bodiesOf = ([name, bytes]: readonly [string, Buffer]): string[] =>
  bytes
    .toString("latin1")
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith('"checksum"'))
    .map((line) => (name.startsWith("wal/") ? line.slice(16) : line.replace(/,$/, "")));

const resealed = (name: string, bytes: Buffer, storeId: string): Buffer | undefined => {
  if (isSnapshot(name)) return resealSnapshot(bytes);
  const salt = saltOfFile(name, storeId);
  if (salt === undefined) return undefined;
  return name === "wal/HEAD" ? resealHead(bytes, salt) : resealLines(bytes, salt);
};
