/**
 * Answers about harmed directories are those of a replay by brute force, and none writes or vouches for what never was.
 *
 * Method: random stores of three lives with crashes, harmed as in fuzz-directory.test.ts, laid out as real files. One trial
 * again: TASKWAL_FUZZ=<seed>:<trial>; more of them: TASKWAL_FUZZ_TRIALS=<count>.
 */
import {
  cpSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Prng } from "@taskwal/disk/sim";
import { openTaskStore } from "taskwal";
import { open } from "taskwal/offline";
import { afterAll, expect, it } from "vitest";
import { print } from "./corruption/tally.ts";
import { harmFiles, type Harmed } from "./fuzz/directory-harm.ts";
import { makeFuzzStore, type FuzzStore } from "./fuzz/fuzz-store.ts";
import { askHarmed } from "./fuzz/offline-trial.ts";

const root = mkdtempSync(join(tmpdir(), "taskwal-offline-"));
afterAll(() => rmSync(root, { recursive: true }));
const folders = { dir: join(root, "state"), cacheDir: join(root, "cache") };
const [seed = 1, only] = (
  process.env["TASKWAL_FUZZ"] ?? String(Math.floor(Math.random() * 2 ** 31))
)
  .split(":")
  .map(Number);
const trials = Number(process.env["TASKWAL_FUZZ_TRIALS"] ?? 60);
const perStore = 25;

const unharmed = ({ files }: FuzzStore): Harmed => {
  return {
    files,
    what: [],
    changed: new Set(),
    shortens: false,
    isResealed: false,
    forgedPages: new Set(),
  };
};

/** Now and then nothing is harmed; every other time a bit of the log, which costs what stands there. */
const harmedFiles = (trial: number, prng: Prng, store: FuzzStore): Harmed => {
  if (trial % perStore === 0) return unharmed(store);
  if (trial % 2 === 0) return harmFiles(prng, store);
  const segments = [...store.files.keys()].filter((name) => name.endsWith(".jsonl"));
  const name = segments[prng.below(segments.length)] ?? "";
  const bytes = Buffer.from(store.files.get(name) ?? "");
  const at = prng.below(bytes.length);
  bytes[at] = (bytes[at] ?? 0) ^ (1 << prng.below(8));
  return {
    ...unharmed(store),
    files: new Map([...store.files, [name, bytes]]),
    what: [`${name}: a bit of byte ${at} flipped`],
    changed: new Set([name]),
  };
};

it("what a snapshot holds is shown, though the log that led there is gone, and whatever promised it", async () => {
  const dir = join(root, "zeroed");
  const store = await openTaskStore({ dir });
  await store.create({ id: "a", description: "one", tool: "T" });
  await store.update("a", { status: "failed" });
  await store.close();
  const [segment = ""] = readdirSync(join(dir, "wal")).filter((name) => name.endsWith(".jsonl"));
  const path = join(dir, "wal", segment);
  writeFileSync(path, Buffer.alloc(statSync(path).size));
  rmSync(join(dir, "wal/HEAD"));
  const offline = await open(dir, { cacheDir: folders.cacheDir });
  const last = await offline.point("@last");
  const state = await offline.stateAt(last);
  expect(await state.get({ entity: "task", id: "a" })).toMatchObject({ status: "failed" });
  expect(state.provenance).toMatchObject({ trust: "verified", gaps: [{ from: 1, to: last }] });
  expect((await offline.stateAt(last - 1)).provenance.trust).toBe("crossed-gap");
  await offline.close();
});

it("a snapshot from within what is lost tells what it holds, and the rest stays a gap", async () => {
  const [dir, copy] = [join(root, "within"), join(root, "within-copy")];
  const store = await openTaskStore({ dir });
  await store.create({ id: "a", description: "one", tool: "T" });
  const { sequence } = await store.update("a", { status: "failed" });
  await store.snapshot();
  await store.update("a", { status: "completed" });
  // HEAD is written behind.
  await expect
    .poll(() => readFileSync(join(dir, "wal/HEAD"), "latin1"), { timeout: 10_000 })
    .toContain(`"dur":${sequence + 1}}`);
  cpSync(dir, copy, { recursive: true });
  await store.close();
  for (const name of readdirSync(join(copy, "wal")).filter((name) => name.endsWith(".jsonl"))) {
    const path = join(copy, "wal", name);
    writeFileSync(path, Buffer.alloc(statSync(path).size));
  }
  const offline = await open(copy, { cacheDir: folders.cacheDir });
  const last = await offline.point("@last");
  const { gaps } = await offline.info();
  expect(last).toBe(sequence + 1);
  expect(gaps).toMatchObject([
    { from: 1, to: sequence },
    { from: sequence + 1, to: sequence + 1 },
  ]);
  for (const [at, trust] of [
    [sequence, "verified"],
    [last, "crossed-gap"],
  ] as const) {
    const state = await offline.stateAt(at);
    expect(state.provenance.trust).toBe(trust);
    expect(await state.get({ entity: "task", id: "a" })).toMatchObject({ status: "failed" });
  }
  await offline.close();
});

it(`answers are those of brute force, nothing is written, nothing false is verified (seed ${seed})`, async () => {
  const counts: Record<string, number> = {};
  let store: FuzzStore | undefined;
  const from = only ?? 0;
  for (let trial = from; trial < (only === undefined ? trials : only + 1); trial += 1) {
    if (!store || trial % perStore === 0)
      store = await makeFuzzStore((Math.imul(seed, 1_000) + Math.floor(trial / perStore)) >>> 0);
    const prng = new Prng(Math.imul(seed, 0x9e3779b1) ^ Math.imul(trial + 1, 0x85ebca6b));
    const harmed = harmedFiles(trial, prng, store);
    try {
      const trust = await askHarmed(folders, store, harmed, prng);
      if (harmed.what.length === 0) expect(trust).toBe("verified");
      counts[trust] = (counts[trust] ?? 0) + 1;
    } catch (error) {
      const again = `TASKWAL_FUZZ=${seed}:${trial} npx vitest run test/src/offline-harmed.test.ts`;
      throw new Error(`${harmed.what.join("; ")}: ${String(error)}\nagain: ${again}`, {
        cause: error,
      });
    }
  }
  print(`seed ${seed}, ${trials} trials: ${JSON.stringify(counts)}`);
}, 120_000);
