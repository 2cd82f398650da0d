/**
 * No word of a payload is in what is logged or published, whatever goes wrong; only errors and events that the program
 * itself asked for hold it.
 *
 *     random lives, a secret in every field ─┬─ logger        every level
 *      errors that quote it, faults,         ├─ DEBUG         persistence:*
 *      poison, damage, edits by hand         ├─ metrics       Prometheus text
 *                                            └─ health(), telemetry()
 *
 * The rule: the same life must first have had the secret where it belongs, in the log's files.
 */
import { format, inspect } from "node:util";
import createDebug from "debug";
import * as fc from "fast-check";
import { createSimDisk, type SimDisk } from "@taskwal/disk/sim";
import { defineEntity, defineModel, openStore, type Logger, type StoreOf } from "taskwal";
import { debugLogger, prometheusText } from "taskwal/telemetry";
import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { refusalOf } from "./world/note-model.ts";

const secret = "hunter2-9f31c0";

class QuotingError extends Error {
  readonly quoted: string;
  constructor(quoted: string) {
    super(`cannot take ${quoted}`);
    this.name = "QuotingError";
    this.quoted = quoted;
  }
}

/** Everything in it quotes what it was given. */
const model = defineModel({
  entities: {
    notes: defineEntity({
      name: "note",
      collection: "notes",
      version: 1,
      schema: z.looseObject({ id: z.string(), text: z.string() }),
      lists: { lines: z.object({ text: z.string() }) },
      create: {
        "note.created": {
          payload: z.looseObject({ text: z.string() }),
          reduce: (payload, { id }) => ({ ...payload, id }),
        },
      },
      change: {
        "note.edited": {
          payload: z
            .object({ text: z.string(), how: z.string() })
            .refine(({ how }) => how !== "refuse", { error: ({ input }) => inspect(input) }),
          reduce: (note, { text, how }) => {
            if (how === "throw") throw new QuotingError(text);
            return { ...note, text, how };
          },
        },
      },
    }),
  },
  // A snapshot fails with what its function throws.
  summary: ({ notes }) => {
    for (const note of notes?.all() ?? [])
      if (inspect(note).includes("unsummable")) throw new QuotingError(secret);
    return {};
  },
});
type NoteStore = StoreOf<typeof model>;

const hows = ["fine", "refuse", "throw", "unsummable"] as const;
const steps = [
  "create",
  ...hows,
  "append",
  "misfit",
  "unknown key",
  "again under a key",
  "transact",
  "snapshot",
  "full disk",
  "failed sync",
  "edit a mirror",
  "listener",
  "damage",
] as const;
type Step = (typeof steps)[number];

interface Life {
  readonly sim: SimDisk;
  readonly open: () => Promise<NoteStore>;
  store: NoteStore;
}

const call = (store: NoteStore, how: string): Promise<unknown> =>
  store.notes.mutate("a", "note.edited", { text: secret, how });

/** One step, awaited or left alone: what nobody awaits is told to the logger. */
const acts: { readonly [Name in Step]: (life: Life) => Promise<unknown> } = {
  create: ({ store }) =>
    store.notes.mutate("a", "note.created", { text: secret, [secret]: { deep: [secret] } }),
  fine: ({ store }) => call(store, "fine"),
  refuse: ({ store }) => call(store, "refuse"),
  throw: ({ store }) => call(store, "throw"),
  unsummable: ({ store }) => call(store, "unsummable"),
  append: ({ store }) => store.notes.append("a", "lines", { text: secret }),
  misfit: ({ store }) =>
    store.notes.mutate("a", "note.edited", { text: [secret], how: secret } as never),
  "unknown key": ({ store }) =>
    store.notes.append("a", "lines", { [secret]: new Map([[secret, secret]]) } as never),
  "again under a key": ({ store }) => {
    void refusalOf(store.notes.append("a", "lines", { text: "one" }, { key: "k" }));
    return store.notes.append("a", "lines", { text: secret }, { key: "k" });
  },
  transact: ({ store }) =>
    store.transact((tx) => {
      tx.notes.mutate("a", "note.edited", { text: secret, how: "fine" });
      throw new QuotingError(secret);
    }),
  snapshot: ({ store }) => store.snapshot(),
  "full disk": async ({ store, sim }) => {
    sim.capacityBytes = sim.usedBytes;
    await refusalOf(call(store, "fine"));
    await refusalOf(store.snapshot());
    sim.capacityBytes = undefined;
  },
  "failed sync": async ({ store, sim }) => {
    sim.fail(({ kind }) => kind === "write" || kind === "sync", "EIO");
    const refused = [call(store, "fine"), call(store, "fine")];
    for (const each of refused) await refusalOf(each);
    await store.reopen();
  },
  "edit a mirror": async ({ store, sim }) => {
    await sim.clock.yield();
    for (const path of sim.listRaw()) {
      if (/\/notes\/|\/state\.json$/.test(path)) {
        sim.writeRaw(path, Buffer.from(`{"broken": ${secret}`));
      }
    }
    await refusalOf(call(store, "fine"));
    await refusalOf(store.snapshot());
  },
  listener: async ({ store }) => {
    const stop = store.on("mutation", ({ after }) => {
      throw new QuotingError(inspect(after));
    });
    await refusalOf(call(store, "fine"));
    stop();
  },
  damage: async (life) => {
    await refusalOf(life.store.close());
    const { sim } = life;
    for (const path of sim.listRaw()) {
      const at = Buffer.from(sim.readRaw(path)).indexOf(secret);
      if (at >= 0 && path.includes("/wal/")) sim.flipBit(path, at * 8);
      if (path.endsWith("state.json")) sim.removeRaw(path);
    }
    life.store = await life.open();
    await refusalOf(life.store.accept("notes", "a"));
  },
};

/** All that anybody who reads logs could see of the values that were logged. */
const shown = (facts: unknown): string =>
  `${inspect(facts, { depth: 20, showHidden: true })} ${JSON.stringify(facts)}`;

const debugLines: string[] = [];
const writes = createDebug.log;
beforeAll(() => {
  createDebug.enable("persistence:*");
  createDebug.log = (...words: unknown[]) => debugLines.push(format(...words));
});
afterAll(() => {
  createDebug.disable();
  createDebug.log = writes;
});

const live = async (plan: readonly (readonly [Step, boolean])[]): Promise<string[]> => {
  const sim = createSimDisk();
  const said: string[] = [];
  debugLines.length = 0;
  const say = (facts: unknown, message?: string): void =>
    void said.push(`${message} ${shown(facts)}`);
  const logger: Logger = { debug: say, info: say, warn: say, error: say };
  const open = async (): Promise<NoteStore> => {
    const store = await openStore({
      dir: "/s",
      model,
      disk: sim.process(),
      logger,
      autosaveMs: Number.POSITIVE_INFINITY,
    });
    debugLogger(store);
    return store;
  };
  const life: Life = { sim, open, store: await open() };
  await acts.create(life);
  // Later on, damage may have hit each of its places.
  const wal = sim.listRaw().filter((path) => path.includes("/wal/"));
  expect(wal.some((path) => Buffer.from(sim.readRaw(path)).includes(secret))).toBe(true);
  for (const [step, isAwaited] of plan) {
    const done = acts[step](life);
    if (isAwaited) await refusalOf(done);
    for (let turn = 0; turn < 10; turn += 1) await sim.clock.yield();
    sim.clock.advance(2_000);
  }
  const { store } = life;
  said.push(prometheusText(store.telemetry(), await store.health()));
  said.push(shown(store.telemetry()), shown(await store.health()));
  await refusalOf(store.flush());
  await refusalOf(store.close());
  expect(debugLines.length).toBeGreaterThan(5);
  return [...said, ...debugLines];
};

test.each(steps)(
  "nothing that is logged or published quotes a payload, whatever happens: %s",
  async (step) => {
    for (const isAwaited of [true, false]) {
      const said = await live([
        [step, isAwaited],
        ["snapshot", true],
        [step, isAwaited],
      ]);
      expect(said.filter((line) => line.includes(secret))).toEqual([]);
    }
  },
);

test("nothing that is logged or published quotes a payload, in whatever order things happen", async () => {
  const plan = fc.array(fc.tuple(fc.constantFrom(...steps), fc.boolean()), { maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(plan, async (one) => {
      const said = await live(one);
      expect(said.filter((line) => line.includes(secret))).toEqual([]);
    }),
    { numRuns: 60 },
  );
});
