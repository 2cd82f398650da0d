/**
 * A harmed directory of tasks crashes no verb, is written to by none that only reads, and no state is shown without its gaps.
 *
 * Method: two stores, harmed as in fuzz-directory.test.ts, laid out as real files; every verb, for people and for machines,
 * beside what the library says of the same directory. One trial again: TASKWAL_FUZZ=<seed>:<trial>; more of them:
 * TASKWAL_FUZZ_TRIALS=<count>.
 */
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Prng } from "@taskwal/disk/sim";
import { open, type Trust } from "taskwal/offline";
import { expect, it } from "vitest";
import { print } from "./corruption/tally.ts";
import { repository } from "./documents.ts";
import { harmFiles } from "./fuzz/directory-harm.ts";
import { layOut, treeOf } from "./fuzz/offline-trial.ts";
import { crashedExample, killedStore } from "./fuzz/task-stores.ts";
import { verbProcess, type RunVerb, type VerbAnswer } from "./fuzz/verb-process.ts";
import { scratchDirectories } from "./world/scratch.ts";

const scratch = scratchDirectories();
const [seed = 1, only] = (
  process.env["TASKWAL_FUZZ"] ?? String(Math.floor(Math.random() * 2 ** 31))
)
  .split(":")
  .map(Number);
const trials = Number(process.env["TASKWAL_FUZZ_TRIALS"] ?? 20);

/** What is shown is the state at the end: each names how far it is to be believed. */
const states = [
  ["info"],
  ["show", "@last"],
  ["state"],
  ["state", "6f"],
  ["diff", "@first..@last"],
  ["blame", "6f"],
  ["trace", "6f"],
  ["bisect", "6f", "--when", 'status == "failed"'],
  ["verify"],
  ["diff", "--against", join(repository, "packages/taskwal/example-crashed")],
];
/** What is shown is the log: each names what is missing in it. */
const logs = [
  ["log"],
  ["report"],
  ...["ndjson", "csv", "perfetto", "otlp", "mermaid"].map((name) => ["export", "--format", name]),
];
const tail = ["tail", "-n", "10000"];
const following = [...tail, "-f"];
const files = [["ls"], ["boots"]];
/** They look before somebody lets them write, and do not write then. */
const plans = [
  ["doctor"],
  ["salvage"],
  ["restore"],
  ["fork"],
  ["adopt"],
  ["archive"],
  ["clean-state"],
  ["migrate"],
  ["rollback"],
  ["import", "--dry-run"],
];

/** What the library knows of a directory. */
interface Known {
  /** Where the log begins, with a record or a gap. */
  readonly first: number;
  readonly last: number;
  readonly trust: Trust;
  /** How many records are in a gap of the log, also behind the last one. */
  readonly missing: number;
  /** Whether a gap stands behind the last record. */
  readonly isCut: boolean;
}

const knownOf = async (dir: string): Promise<Known | undefined> => {
  const offline = await open(dir, { cacheDir: false }).catch(() => undefined);
  if (!offline) return undefined;
  const last = await offline.point("@last");
  const { snapshot, trust, gaps } = (await offline.stateAt(last)).provenance;
  const missing = gaps.reduce((sum, { from, to }) => sum + to - from + 1, 0);
  const steps: { readonly from: number; readonly to: number }[] = [...gaps];
  for await (const step of offline.records({ to: last }))
    steps.push(step.kind === "gap" ? step : { from: step.sequence, to: step.sequence });
  // Every number above the base is in a record or in a gap.
  for (let sequence = (snapshot?.sequence ?? 0) + 1; sequence <= last; sequence += 1) {
    const isTold = steps.some(({ from, to }) => from <= sequence && sequence <= to);
    expect(isTold, `@${sequence}`).toBe(true);
  }
  const froms = (await offline.info()).gaps.map(({ from }) => from);
  await offline.close();
  const first = Math.min(...steps.map(({ from }) => from), ...froms);
  return { first, last, trust, missing, isCut: froms.some((from) => from > last) };
};

const documented = new Set([0, 1, 2, 3, 4, 5, 130]);

it(`a harmed directory crashes no verb, stays as it is, and shows no state without its gaps (seed ${seed})`, async () => {
  const home = scratch();
  const model = join(home, "model.mjs");
  const door = JSON.stringify(join(repository, "packages/taskwal/dist/index.js"));
  writeFileSync(model, `export { taskModel as model } from ${door};\n`);
  const stores = [crashedExample(), await killedStore()];
  const run = await verbProcess(home);
  const counts: Record<string, number> = {};
  for (let trial = only ?? 0; trial < (only === undefined ? trials : only + 1); trial += 1) {
    const prng = new Prng(Math.imul(seed, 0x9e3779b1) ^ Math.imul(trial + 1, 0x85ebca6b));
    const harmed = harmFiles(prng, stores[trial % stores.length] ?? crashedExample());
    const place = scratch();
    const dir = join(place, "state");
    layOut(dir, harmed.files);
    let words: readonly string[] = [];
    const asked: RunVerb = async (given) => {
      words = given;
      const answer = await run(given);
      expect(documented).toContain(answer.status);
      expect(answer.stderr).not.toMatch(/\n\s+at |thrown: /);
      expect(answer.leftOpen).toEqual([]);
      if (!given.includes("--json") && !given.includes("-f"))
        expect(answer.stdout + answer.stderr).not.toBe("");
      return answer;
    };
    try {
      const known = await knownOf(dir);
      const before = treeOf(dir);
      await askReading(asked, dir, model, known);
      await askPlans(asked, dir, known);
      await askNewStores(asked, dir, known);
      expect(treeOf(dir), "written to").toBe(before);
      await askMark(asked, dir, known);
      const trust = known?.trust ?? "not read";
      counts[trust] = (counts[trust] ?? 0) + 1;
      rmSync(place, { recursive: true });
    } catch (error) {
      const again = `TASKWAL_FUZZ=${seed}:${trial} npx vitest run test/src/verbs-harmed.test.ts`;
      const what = `taskwal ${words.join(" ")}\n${harmed.what.join("; ")}${harmed.isResealed ? "; checksums made right" : ""}`;
      throw new Error(`${what}: ${String(error)}\nagain: ${again}`, { cause: error });
    }
  }
  print(`seed ${seed}, ${trials} trials: ${JSON.stringify(counts)}`);
}, 300_000);

const askReading = async (
  run: RunVerb,
  dir: string,
  model: string,
  known: Known | undefined,
): Promise<void> => {
  const replay = ["replay", "--model", model];
  for (const words of [...files, tail, following, ...logs, ...states, replay]) {
    const isFormat = words[0] === "export";
    for (const json of isFormat ? [[]] : [[], ["--json"]]) {
      const answer = await run([...words, ...json, "-C", dir]);
      expect(known ? [0, 1, 4, 5, 130] : [2, 3, 4, 5]).toContain(answer.status);
      if (!known) continue;
      if (words === tail || words === following) expectDense(answer, known);
      if (words === tail) expectTrustTold(answer, known);
      else if (logs.includes(words)) expectMissingTold(answer, known);
      else if (states.includes(words) || words === replay) expectTrustTold(answer, known);
    }
  }
};

const expectMissingTold = ({ stdout }: VerbAnswer, { missing }: Known): void => {
  if (missing > 0) expect(stdout).toMatch(/missing|crossed-gap|^gap,|"(kind|name)":"gap"/m);
};

/** It may have been interrupted anywhere, and may begin before the snapshot that the others begin with. */
const expectDense = ({ stdout }: VerbAnswer, { first }: Known): void => {
  const shown = stdout
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line) as Record<string, number> & { readonly kind: string })
    .filter(({ kind }) => kind === "record" || kind === "gap")
    .map(({ sequence = 0, from = sequence, to = sequence }) => ({ from, to }));
  let next = Math.min(first, shown[0]?.from ?? first);
  for (const { from, to } of shown) {
    expect(from).toBe(next);
    next = to + 1;
  }
};

const expectTrustTold = ({ stdout, stderr }: VerbAnswer, { trust }: Known): void => {
  expect(stdout + stderr).toContain(trust);
};

const askPlans = async (run: RunVerb, dir: string, known: Known | undefined): Promise<void> => {
  for (const [verb = "", ...more] of plans) {
    const answer = await run([verb, dir, ...more]);
    if (!known || answer.status === 2) continue;
    if (verb === "restore" || verb === "fork") expectTrustTold(answer, known);
    if (verb === "salvage" && known.missing > 0) expect(answer.stdout).toMatch(/^Lost/m);
  }
};

/** What they make says of its state what the directory says that they read. */
const askNewStores = async (run: RunVerb, dir: string, known: Known | undefined): Promise<void> => {
  for (const verb of ["salvage", "restore", "fork", "backup"]) {
    const to = `${dir}-${verb}`;
    const target = verb === "backup" ? ["--into", to] : ["--to", to, "--apply"];
    const { status } = await run([verb, dir, ...target]);
    if (status > 1) continue;
    const at = ["--at", String(known?.last ?? 0)];
    if (verb === "salvage" || verb === "backup") {
      await run(["state", "-C", to]);
      continue;
    }
    const [was, is] = [
      await run(["state", "-C", dir, ...at, "--json"]),
      await run(["state", "-C", to, ...at, "--json"]),
    ];
    // What is lost behind the point is not lost to the new store.
    if (known?.isCut === false) expect(trustOf(is.stdout), verb).toBe(trustOf(was.stdout));
    expect(entitiesOf(is.stdout), verb).toEqual(entitiesOf(was.stdout));
  }
};

const trustOf = (stdout: string): string | undefined => /"trust":"([a-z-]+)"/.exec(stdout)?.[1];
const entitiesOf = (stdout: string): unknown[] =>
  stdout
    .split("\n")
    .filter((line) => line.includes('"kind":"entity"'))
    .map((line) => JSON.parse(line) as unknown);

/** Its only write is its own: no file of the log that was there is another afterwards. */
const askMark = async (run: RunVerb, dir: string, known: Known | undefined): Promise<void> => {
  const before = segmentsIn(dir);
  const { status } = await run(["mark", dir, "here"]);
  const now = segmentsIn(dir);
  for (const [name, bytes] of before) expect(now.get(name)?.equals(bytes), name).toBe(true);
  if (status !== 0) expect([...now.keys()]).toEqual([...before.keys()]);
  // A snapshot is enough to open: all of the log may say more than this version reads.
  else if (known) expect((await run(["state", "--at", "mark:here", "-C", dir])).status).toBe(0);
};

const segmentsIn = (dir: string): Map<string, Buffer> => {
  const wal = join(dir, "wal");
  const names = existsSync(wal) ? readdirSync(wal).filter((name) => name.endsWith(".jsonl")) : [];
  return new Map(names.map((name) => [name, readFileSync(join(wal, name))]));
};
