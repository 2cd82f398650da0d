/**
 * A small real store for the fuzzers: three lives on the simulated disk, and every state that it had.
 *
 *     life 1 ─ snapshot ─ killed │ life 2 ─ snapshot ─ closed │ life 3 ─ killed or closed
 *              └ kept: what each file was at that moment
 *
 * A page's value tells which mutations made it (marks are never repeated). The rule: the reference is
 * kept here, by its own reducers; the store is compared with it before anything is damaged.
 */
import { createSimDisk, Prng, type SimDisk, type SimState } from "@taskwal/disk/sim";
import { openStore, type OpenOptions, type StoreOf } from "taskwal";
import { marksModel } from "../corruption/marks-model.ts";

export const storeDir = "/state";
export const pageIds = ["a", "b", "c", "d"] as const;

export type FuzzedStore = StoreOf<typeof marksModel>;

export const openFuzzed = (
  sim: SimDisk,
  options: Partial<OpenOptions<typeof marksModel>> = {},
): Promise<FuzzedStore> =>
  openStore({
    model: marksModel,
    dir: storeDir,
    disk: sim.process("fuzzed"),
    autosaveMs: Infinity,
    segmentBytesMax: 900,
    ...options,
  });

/** One page by value, without its version. */
export type PageText = string;

/** What a page was at each of its versions. */
export type History = ReadonlyMap<string, ReadonlyMap<number, ReadonlySet<PageText>>>;

export interface Written {
  readonly seq: number;
  readonly id: string;
  /** The page's version after it. */
  readonly n: number;
}

export interface FuzzStore {
  readonly sim: SimDisk;
  /** The whole disk, undamaged. */
  readonly base: SimState;
  /** Its files, by their names in the directory. */
  readonly files: ReadonlyMap<string, Buffer>;
  /** What files were at earlier moments. */
  readonly older: ReadonlyMap<string, readonly Buffer[]>;
  readonly storeId: string;
  readonly mirrors: boolean;
  /** The states of the history that survived. */
  readonly chain: History;
  /** Those and the states of calls that were issued and that a crash took, unacknowledged. */
  readonly ever: History;
  /** The version and text of each page at the end. */
  readonly final: ReadonlyMap<string, readonly [version: number, text: PageText]>;
  /** Every mutation that survived, by sequence. */
  readonly written: readonly Written[];
}

interface Page {
  readonly n: number;
  readonly marks: readonly number[] | undefined;
  readonly lines: readonly number[];
}

type Pages = ReadonlyMap<string, Page>;

const textOf = ({ marks, lines }: Omit<Page, "n">): PageText =>
  JSON.stringify([marks ?? null, lines]);

export const pageText = ({ pages }: FuzzedStore, id: string): PageText =>
  textOf({
    marks: pages.get(id)?.marks,
    lines: pages.list(id, "lines").map(({ mark }) => mark),
  });

type Kind = "open" | "mark" | "line" | "close";
type Step = readonly [id: string, kind: Kind, mark: number];

const types = { open: "page.opened", mark: "page.marked", close: "page.closed" } as const;

const stepped = (pages: Pages, [id, kind, mark]: Step): Pages => {
  const { n, marks, lines } = pages.get(id) ?? { n: 0, marks: undefined, lines: [] };
  const after = {
    open: { marks: [mark], lines: [] },
    mark: { marks: [...(marks ?? []), mark], lines },
    line: { marks, lines: [...lines, mark] },
    close: { marks: undefined, lines: [] },
  }[kind];
  return new Map([...pages, [id, { ...after, n: n + 1 }]]);
};

const filesOf = (sim: SimDisk): Map<string, Buffer> =>
  new Map(
    sim
      .listRaw()
      .filter((path) => path.startsWith(`${storeDir}/`))
      .map((path) => [path.slice(storeDir.length + 1), Buffer.from(sim.readRaw(path))]),
  );

const failed = (what: string): never => {
  throw new Error(`the undamaged store is not as it was written: ${what}`);
};

/** What waits has its turn: mirrors, markers, HEAD. */
const pause = async (sim: SimDisk): Promise<void> => {
  sim.clock.advance(1_100);
  for (let turn = 0; turn < 40; turn += 1) await new Promise((resolve) => setImmediate(resolve));
};

class Writer {
  readonly #prng: Prng;
  readonly #sim: SimDisk;
  readonly #mirrors: boolean;
  readonly #ever = new Map<string, Map<number, Set<PageText>>>();
  readonly #older = new Map<string, Buffer[]>();
  /** States from the empty one on, one after each call that survived. */
  #chain: Pages[] = [new Map()];
  #mark = 0;

  constructor(seed: number) {
    this.#prng = new Prng(seed).stream("fuzz-store");
    this.#sim = createSimDisk({ seed });
    this.#mirrors = this.#prng.below(2) === 0;
  }

  async write(): Promise<FuzzStore> {
    const lives = 2 + this.#prng.below(2);
    for (let life = 0; life < lives; life += 1) await this.#live(life === lives - 1);
    const base = this.#sim.snapshotState();
    const files = filesOf(this.#sim);
    const written = await this.#readBack();
    this.#sim.restore(base);
    const storeId = /"store":"([0-9a-f]{32})"/.exec(String(files.get("LOCK")))?.[1];
    return {
      sim: this.#sim,
      base,
      files,
      older: this.#older,
      storeId: storeId ?? failed("LOCK names no store"),
      mirrors: this.#mirrors,
      chain: this.#history(),
      ever: this.#ever,
      final: new Map([...this.#now].map(([id, page]) => [id, [page.n, textOf(page)]])),
      written,
    };
  }

  get #now(): Pages {
    return this.#chain.at(-1) ?? new Map();
  }

  async #live(isLast: boolean): Promise<void> {
    const store = await openFuzzed(this.#sim, { mirrors: this.#mirrors });
    this.#recovered(store);
    const calls = 5 + this.#prng.below(8);
    const snapshotAt = this.#prng.below(calls);
    for (let call = 0; call < calls; call += 1) {
      await this.#call(store, this.#steps());
      if (call === snapshotAt) await store.snapshot();
      if (this.#prng.below(4) === 0) this.#keepOlder();
    }
    await pause(this.#sim);
    this.#keepOlder();
    if (this.#prng.below(2) === 0) {
      await store.close();
      return;
    }
    // What is in flight is there or not: the next life finds out. The last one leaves nothing open.
    if (!isLast) void this.#call(store, this.#steps()).catch(() => {});
    this.#sim.powerCut(isLast ? "all" : "random");
  }

  /** One call, or a transaction. */
  #steps(): Step[] {
    const steps: Step[] = [];
    let pages = this.#now;
    const count = this.#prng.below(4) === 0 ? 2 + this.#prng.below(2) : 1;
    for (let at = 0; at < count; at += 1) {
      const id = this.#prng.pick(pageIds);
      const exists = pages.get(id)?.marks !== undefined;
      const kind: Kind = exists
        ? this.#prng.pick<Kind>(["mark", "mark", "line", "line", "line", "close"])
        : "open";
      const step: Step = [id, kind, (this.#mark += 1)];
      pages = stepped(pages, step);
      steps.push(step);
    }
    return steps;
  }

  async #call(store: FuzzedStore, steps: readonly Step[]): Promise<void> {
    const before = this.#now;
    this.#chain.push(steps.reduce(stepped, before));
    for (const [index] of steps.entries())
      this.#note(steps.slice(0, index + 1).reduce(stepped, before));
    const [first] = steps;
    const options = { actor: "fuzz", key: `key-${first?.[2]}` };
    if (first && steps.length === 1) {
      const [id, kind, mark] = first;
      if (kind === "line") await store.pages.append(id, "lines", { mark }, options);
      else await store.pages.mutate(id, types[kind], { mark }, options);
      return;
    }
    await store.transact((tx) => {
      for (const [id, kind, mark] of steps) {
        if (kind === "line") tx.pages.append(id, "lines", { mark });
        else tx.pages.mutate(id, types[kind], { mark });
      }
    }, options);
  }

  #note(pages: Pages): void {
    for (const [id, page] of pages) {
      const versions = this.#ever.get(id) ?? new Map<number, Set<PageText>>();
      this.#ever.set(id, versions);
      versions.set(page.n, (versions.get(page.n) ?? new Set()).add(textOf(page)));
    }
  }

  /** The last call of the life before was in flight: it is there, or it is not. */
  #recovered(store: FuzzedStore): void {
    const isAt = (pages: Pages): boolean =>
      pageIds.every((id) => {
        const page = pages.get(id) ?? { n: 0, marks: undefined, lines: [] };
        return store.pages.version(id) === page.n && pageText(store, id) === textOf(page);
      });
    if (isAt(this.#now)) return;
    this.#chain.pop();
    if (!isAt(this.#now)) failed(store.recovery.toText());
  }

  #history(): History {
    const history = new Map<string, Map<number, Set<PageText>>>();
    // A transaction is one step of the chain: what its members make of a page meanwhile is in `ever`.
    for (const pages of this.#chain)
      for (const [id, page] of pages) {
        const versions = history.get(id) ?? new Map<number, Set<PageText>>();
        history.set(id, versions.set(page.n, new Set([textOf(page)])));
      }
    return history;
  }

  #keepOlder(): void {
    for (const [name, bytes] of filesOf(this.#sim)) {
      const known = this.#older.get(name) ?? [];
      if (!known.at(-1)?.equals(bytes)) this.#older.set(name, [...known, bytes]);
    }
  }

  async #readBack(): Promise<Written[]> {
    const store = await openFuzzed(this.#sim, { mirrors: this.#mirrors });
    this.#recovered(store);
    const written: Written[] = [];
    for await (const { seq, id, n } of store.records()) {
      if (id !== undefined && n !== undefined) written.push({ seq, id, n });
    }
    this.#sim.powerCut("all");
    const count = [...this.#now.values()].reduce((sum, { n }) => sum + n, 0);
    if (written.length !== count) failed(`${written.length} records, not ${count}`);
    return written;
  }
}

export const makeFuzzStore = (seed: number): Promise<FuzzStore> => new Writer(seed).write();
