/**
 * P10: what an append costs as everything else grows. It should not notice.
 *
 *     tasks   1 → 100,000      the log   1 → 10,000,000      one list   1 → 1,000,000
 *
 *     cost ┤ · · · · ·  ─ a fit over the logarithm of the size; its rise over the whole range is set
 *          └────────────  beside the noise: the spread of the middle half of batches at one size
 *
 * The rule: a thousand at once, so that the cost is the store's and not the disk's. A size is where a
 * measurement begins; where appending makes it larger, by half at most, and from 1 to the length of one batch.
 */
import { join } from "node:path";
import { sized, type Bench, type Benchmark, type Scale } from "./benchmark.ts";
import { entityId } from "./contender.ts";
import { Gathering } from "./fill.ts";
import { openItems, type ItemStore } from "./item-model.ts";
import { makePayloads, payloadAt } from "./payload.ts";
import { median, quantile, rowOf, type Row } from "./row.ts";

const payloads = makePayloads(200);

interface Growth {
  readonly name: string;
  readonly sizes: Readonly<Record<Scale, readonly number[]>>;
  /** Makes the store one larger. */
  grow(store: ItemStore, size: number): Promise<unknown>;
  /** What is measured at a size. */
  append(store: ItemStore, size: number, index: number): Promise<unknown>;
  /** Whether what is measured makes it larger as well. */
  readonly appendGrows: boolean;
}

const text = (index: number): { readonly text: string } => payloadAt(payloads, index).value;

const createFirst = (store: ItemStore): Promise<unknown> =>
  store.items.mutate(entityId(0), "item.created", text(0));

const changeFirst = (store: ItemStore, index: number): Promise<unknown> =>
  store.items.mutate(entityId(0), "item.changed", text(index));

const appendToFirst = (store: ItemStore, index: number): Promise<unknown> =>
  store.items.append(entityId(0), "lines", text(index));

const growths: readonly Growth[] = [
  {
    name: "tasks",
    sizes: {
      full: [1, 10, 100, 1_000, 10_000, 100_000],
      quick: [1, 100, 10_000],
      tiny: [1, 10],
    },
    grow: (store, size) => store.items.mutate(entityId(size), "item.created", text(size)),
    // A stride that meets them all, in no order that a cache would like.
    append: (store, size, index) =>
      store.items.mutate(entityId((index * 7_919) % size), "item.changed", text(index)),
    appendGrows: false,
  },
  {
    name: "records in the log",
    sizes: {
      full: [1, 10_000, 100_000, 1_000_000, 10_000_000],
      quick: [1, 10_000, 100_000],
      tiny: [1, 100],
    },
    grow: (store, size) => (size === 0 ? createFirst(store) : changeFirst(store, size)),
    append: (store, _size, index) => changeFirst(store, index),
    appendGrows: true,
  },
  {
    name: "entries of one list",
    sizes: {
      full: [1, 10_000, 100_000, 1_000_000],
      quick: [1, 10_000, 50_000],
      tiny: [1, 100],
    },
    grow: (store, size) => (size === 0 ? createFirst(store) : appendToFirst(store, size)),
    append: (store, _size, index) => appendToFirst(store, index),
    appendGrows: true,
  },
];

interface Batches {
  readonly count: number;
  readonly atOnce: number;
}

const batchesOf = (bench: Bench): Batches =>
  sized(bench, {
    full: { count: 40, atOnce: 1_000 },
    quick: { count: 10, atOnce: 1_000 },
    tiny: { count: 4, atOnce: 10 },
  });

/** Microseconds per append of one batch. */
const batchUs = async (
  store: ItemStore,
  growth: Growth,
  size: number,
  atOnce: number,
): Promise<number> => {
  const startMs = performance.now();
  await Promise.all(
    Array.from({ length: atOnce }, (_, index) => growth.append(store, size, index)),
  );
  return ((performance.now() - startMs) * 1_000) / atOnce;
};

const open = (bench: Bench, name: string): Promise<ItemStore> =>
  openItems(join(bench.dir, name), { autosaveMs: Number.POSITIVE_INFINITY });

/** Each batch on a store of its own that has nothing but one item: it ends with the length of a batch. */
const costsFromNothing = async (bench: Bench, growth: Growth): Promise<number[]> => {
  const { count, atOnce } = batchesOf(bench);
  const us: number[] = [];
  for (let batch = 0; batch < count; batch += 1) {
    const store = await open(bench, `one-${growth.name.replaceAll(" ", "-")}-${batch}`);
    await createFirst(store);
    us.push(await batchUs(store, growth, 1, atOnce));
    await store.close();
  }
  return us;
};

interface Measured {
  readonly size: number;
  readonly us: readonly number[];
}

const grown = async (bench: Bench, growth: Growth): Promise<Measured[]> => {
  const { count, atOnce } = batchesOf(bench);
  const store = await open(bench, growth.name.replaceAll(" ", "-"));
  const measured: Measured[] = [];
  let size = 0;
  for (const wanted of growth.sizes[bench.scale]) {
    bench.progress(`${wanted.toLocaleString("en-US")} ${growth.name}`);
    if (growth.appendGrows && wanted === 1) {
      measured.push({ size: 1, us: await costsFromNothing(bench, growth) });
      continue;
    }
    const gathering = new Gathering();
    for (; size < wanted; size += 1) await gathering.add(growth.grow(store, size));
    await gathering.settle();
    // What is measured makes it larger by half at most.
    const batches = growth.appendGrows ? Math.min(count, wanted / 2 / atOnce) : count;
    const us: number[] = [];
    while (us.length < batches) us.push(await batchUs(store, growth, wanted, atOnce));
    if (growth.appendGrows) size += us.length * atOnce;
    measured.push({ size: wanted, us });
  }
  await store.close();
  return measured;
};

/** Rise of the fitted line from the smallest to the largest size, in percent of the median cost. */
export const risePercent = (measured: readonly Measured[]): number => {
  const points = measured.map(({ size, us }) => [Math.log10(size), median(us)] as const);
  const meanX = points.reduce((sum, [x]) => sum + x, 0) / points.length;
  const meanY = points.reduce((sum, [, y]) => sum + y, 0) / points.length;
  const covariance = points.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0);
  const variance = points.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0);
  const range = (points.at(-1)?.[0] ?? 0) - (points[0]?.[0] ?? 0);
  return (100 * (covariance / variance) * range) / median(points.map(([, y]) => y));
};

/** Spread of the middle half of the batches at one size, in percent of their median; of all sizes the median. */
const noisePercent = (measured: readonly Measured[]): number =>
  median(measured.map(({ us }) => (100 * (quantile(us, 0.75) - quantile(us, 0.25))) / median(us)));

const rowsOf = ({ name }: Growth, measured: readonly Measured[]): Row[] => {
  const first = measured[0]?.us ?? [];
  const largest = (measured.at(-1)?.size ?? 0).toLocaleString("en-US");
  return [
    ...measured.map(({ size, us }) =>
      rowOf({
        name: `P10 an append at ${size.toLocaleString("en-US")} ${name}, beside at 1`,
        unit: "µs/record",
        ours: us,
        theirs: first,
        point: { curve: name, x: size },
      }),
    ),
    rowOf({
      name: `P10 rise of the cost from 1 to ${largest} ${name}, beside the noise`,
      unit: "%",
      ours: [risePercent(measured)],
      theirs: [noisePercent(measured)],
      goal: { ratioAtMost: 1 },
      note: "a fit over the logarithm of the size; noise is the middle half of batches at one size",
    }),
  ];
};

/** Lets the compiler settle, on a store that is thrown away: else the first size would seem the slowest. */
const warmUp = async (bench: Bench): Promise<void> => {
  bench.progress("warming up");
  const records = sized(bench, { full: 100_000, quick: 30_000, tiny: 10 });
  const store = await open(bench, "warm-up");
  await createFirst(store);
  for (const growth of growths) {
    const gathering = new Gathering();
    for (let index = 0; index < records; index += 1) {
      await gathering.add(growth.append(store, 1, index));
    }
    await gathering.settle();
  }
  await store.close();
};

export const growth: Benchmark = {
  name: "P10",
  what: "cost of an append as tasks, the log and one list grow",
  run: async (bench) => {
    const rows: Row[] = [];
    await warmUp(bench);
    for (const each of growths) rows.push(...rowsOf(each, await grown(bench, each)));
    return rows;
  },
};
