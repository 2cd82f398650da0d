/**
 * A small real store, written once, damaged many times.
 *
 *     a b [a b b] a c c │ a b [c a] c- b │ a b [a b] │ d d d          [ ] a transaction, │ a pause
 *               snapshot ┘       snapshot ┘           └ one batch, the last
 *
 * Several segments, transactions, lists, a removal; with two snapshots (so one backup) or with none;
 * closed, or killed in the middle of its life, or killed and lived on. The rule: what it was told is in the ledger, and the log
 * is compared with it before anything is damaged.
 */
import { createSimDisk, type SimDisk } from "@taskwal/disk/sim";
import { openStore, type StoreOf } from "taskwal";
import { expect } from "vitest";
import type { Issued } from "./ledger.ts";
import { marksModel } from "./marks-model.ts";
import { simDir, simMedium, type Medium } from "./medium.ts";

export interface StoreKind {
  /** What a person reads in a table. */
  readonly name: string;
  readonly snapshots: boolean;
  readonly mirrors: boolean;
  /**
   * How its life ended: closed; killed, with all that it wrote on the disk; killed with the last writes
   * of HEAD lost, so that nothing but the log itself tells how far it was durable; or killed so with its
   * last batch torn, then opened again (a second epoch overrides the torn batch) and closed.
   */
  readonly end: "closed" | "killed" | "killed, HEAD behind" | "torn, lived on, closed";
}

export interface SmallStore {
  readonly kind: StoreKind;
  readonly medium: Medium;
  readonly ledger: readonly Issued[];
  /** The highest promise that the undamaged files make. */
  readonly durable: number;
  /** Sequences of each line of each segment, by the byte at which the line begins. */
  readonly lines: ReadonlyMap<string, readonly LogLine[]>;
}

export interface LogLine {
  readonly startBytes: number;
  readonly endBytes: number;
  /** Undefined for a header, a marker, a seal, and for a record that a later epoch overrides. */
  readonly seq: number | undefined;
}

export type MarksStore = StoreOf<typeof marksModel>;

export const openOptions = {
  model: marksModel,
  autosaveMs: Infinity,
  segmentBytesMax: 900,
} as const;

export const makeSmallStore = async (kind: StoreKind): Promise<SmallStore> => {
  const sim = createSimDisk({ seed: 11 });
  const writer = sim.process("writer");
  const store = await openStore({
    ...openOptions,
    dir: simDir,
    disk: writer,
    mirrors: kind.mirrors,
  });
  const script = new Script(store);
  await live(script, sim, kind.snapshots);
  await script.readBack();
  if (kind.end === "closed") await store.close();
  else {
    writer.kill();
    sim.powerCut(kind.end === "killed" ? "all" : { writes: isHead, names: "all" });
  }
  if (kind.end === "torn, lived on, closed") await liveOn(script, sim, kind);
  if (!kind.snapshots)
    for (const path of sim.listRaw()) if (/\/state\./.test(path)) sim.removeRaw(path);
  const medium = simMedium(sim, sim.snapshotState());
  return { kind, medium, ledger: script.ledger, ...promisesOf(medium) };
};

const isHead = ({ path }: { readonly path: string }): "keep" | "drop" =>
  path.endsWith("/HEAD") ? "drop" : "keep";

/** The first record of the last batch never reached the disk; the next owner goes on from there. */
const liveOn = async (script: Script, sim: SimDisk, kind: StoreKind): Promise<void> => {
  const [first, ...rest] = script.forgetPage("d");
  if (!first || rest.length !== 2) throw new Error("the last batch is of three records");
  const path = sim.listRaw().findLast((one) => one.endsWith(".jsonl")) ?? "";
  const bytes = sim.readRaw(path);
  const text = Buffer.from(bytes).toString("latin1");
  const start = text.indexOf("\n", text.indexOf(`"seq":${first.seq - 1},`)) + 1;
  sim.writeRaw(path, bytes.fill(0, start, text.indexOf("\n", start) + 1));
  script.store = await openStore({
    ...openOptions,
    dir: simDir,
    disk: sim.process("second"),
    mirrors: kind.mirrors,
  });
  expect(script.store.recovery).toMatchObject({ tornRecords: 2, lost: [] });
  await script.one("e", "open");
  await script.one("a", "mark");
  await script.one("e", "line");
  await script.one("e", "mark");
  await script.readBack();
  await script.store.close();
};

/** Mirrors, markers and HEAD are written behind: time passes, and what it starts comes to its end. */
const pause = async (sim: SimDisk): Promise<void> => {
  sim.clock.advance(1_100);
  for (let turn = 0; turn < 200; turn++) await new Promise((resolve) => setImmediate(resolve));
};

const live = async (script: Script, sim: SimDisk, snapshots: boolean): Promise<void> => {
  await script.one("a", "open");
  await script.one("b", "open");
  await script.together(["a", "mark"], ["b", "line"], ["b", "mark"]);
  await script.one("a", "line");
  await script.one("c", "open");
  await script.one("c", "mark");
  if (snapshots) await script.store.snapshot();
  await script.one("a", "mark");
  await script.one("b", "line");
  await script.together(["c", "mark"], ["a", "line"]);
  await script.one("c", "close");
  await script.one("b", "mark");
  if (snapshots) await script.store.snapshot();
  await pause(sim);
  await script.one("a", "mark");
  await script.one("b", "line");
  await script.together(["a", "mark"], ["b", "line"]);
  // One batch: whoever is killed now has acknowledged all of it, and no line says so yet.
  await Promise.all([script.one("d", "open"), script.one("d", "mark"), script.one("d", "line")]);
};

type Step = readonly [id: string, kind: Issued["kind"]];

const types = { open: "page.opened", mark: "page.marked", close: "page.closed" } as const;

class Script {
  store: MarksStore;
  ledger: Issued[] = [];
  readonly #versions = new Map<string, number>();
  #mark = 0;
  #group = 0;

  constructor(store: MarksStore) {
    this.store = store;
  }

  async one(...step: Step): Promise<void> {
    const { id, kind, mark } = this.#issue(step, ++this.#group);
    const { pages } = this.store;
    if (kind === "line") await pages.append(id, "lines", { mark });
    else await pages.mutate(id, types[kind], { mark });
  }

  async together(...steps: readonly Step[]): Promise<void> {
    const group = ++this.#group;
    await this.store.transact((tx) => {
      for (const step of steps) {
        const { id, kind, mark } = this.#issue(step, group);
        if (kind === "line") tx.pages.append(id, "lines", { mark });
        else tx.pages.mutate(id, types[kind], { mark });
      }
    });
  }

  /** Takes what was issued of a page out of the ledger. */
  forgetPage(id: string): Issued[] {
    const forgotten = this.ledger.filter((issued) => issued.id === id);
    this.ledger = this.ledger.filter((issued) => issued.id !== id);
    this.#versions.delete(id);
    return forgotten;
  }

  /** Learns the sequences from the log, which must hold what was issued, in order and nothing else. */
  async readBack(): Promise<void> {
    const marked: { seq: number; id: string | undefined; mark: unknown }[] = [];
    for await (const { seq, type, id, data } of this.store.records()) {
      if (!type.startsWith("$")) marked.push({ seq, id, mark: (data as { mark?: unknown }).mark });
    }
    expect(marked.map(({ id, mark }) => [id, mark])).toEqual(
      this.ledger.map(({ id, mark }) => [id, mark]),
    );
    for (const [at, issued] of this.ledger.entries()) issued.seq = marked[at]?.seq ?? 0;
  }

  #issue([id, kind]: Step, group: number): Issued {
    const n = (this.#versions.get(id) ?? 0) + 1;
    this.#versions.set(id, n);
    const issued = { id, kind, mark: ++this.#mark, n, group, seq: 0 };
    this.ledger.push(issued);
    return issued;
  }
}

interface AnyLine {
  readonly seq?: number;
  readonly lag?: number;
  readonly dur?: number;
  readonly seal?: { readonly last: number };
  readonly previous?: { readonly last: number };
  readonly sequence?: number;
}

const promiseOf = ({ seq, lag, dur, seal, previous, sequence }: AnyLine): number =>
  Math.max(
    0,
    (seq ?? 0) - (lag ?? 0),
    dur ?? 0,
    seal?.last ?? 0,
    previous?.last ?? 0,
    sequence ?? 0,
  );

const segmentName = /^wal\/0*(\d+)-0*(\d+)\.jsonl$/;

const firstOfLaterEpoch = (names: readonly string[], name: string): number => {
  const epoch = Number(segmentName.exec(name)?.[2]);
  const firsts = names.flatMap((one) => {
    const match = segmentName.exec(one);
    return match && Number(match[2]) > epoch ? [Number(match[1])] : [];
  });
  return Math.min(...firsts, Infinity);
};

/** Reads the undamaged files with nothing but JSON.parse. */
const promisesOf = (medium: Medium): Pick<SmallStore, "durable" | "lines"> => {
  let durable = 0;
  const lines = new Map<string, LogLine[]>();
  for (const name of medium.names()) {
    const text = Buffer.from(medium.read(name)).toString("latin1");
    if (name.startsWith("state."))
      durable = Math.max(durable, promiseOf(JSON.parse(text) as AnyLine));
    if (!name.startsWith("wal/") || text === "") continue;
    const found: LogLine[] = [];
    const overriddenFrom = firstOfLaterEpoch(medium.names(), name);
    let startBytes = 0;
    for (const line of text.split("\n").slice(0, -1)) {
      const endBytes = startBytes + line.length + 1;
      const value = JSON.parse(line.replace(/^\0+/, "")) as AnyLine;
      durable = Math.max(durable, promiseOf(value));
      const isOverridden = (value.seq ?? 0) >= overriddenFrom;
      found.push({ startBytes, endBytes, seq: isOverridden ? undefined : value.seq });
      startBytes = endBytes;
    }
    if (name.endsWith(".jsonl")) lines.set(name, found);
  }
  return { durable, lines };
};
