/**
 * Marks: a name for a place in the log, by `store.mark` and by `taskwal mark`.
 *
 * Method: the command as a process beside real directories; stores on the simulated disk for what a crash leaves.
 */
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createSimDisk } from "@taskwal/disk/sim";
import { InvalidMutationError, openTaskStore } from "taskwal";
import { open } from "taskwal/offline";
import { afterAll, describe, expect, it } from "vitest";
import { exampleCrashed, runIn } from "./export/run-export.ts";

const root = mkdtempSync(join(tmpdir(), "taskwal-mark-"));
afterAll(() => rmSync(root, { recursive: true }));
const run = runIn(root);

const makeStore = async (name: string): Promise<string> => {
  const dir = join(root, name);
  const store = await openTaskStore({ dir });
  await store.create({ id: "a", description: "x", tool: "T" });
  await store.close();
  return dir;
};

/** Bytes of every record that there is. */
const logOf = (dir: string): string =>
  readdirSync(join(dir, "wal"))
    .filter((name) => name.endsWith(".jsonl"))
    .toSorted()
    .map((name) => readFileSync(join(dir, "wal", name), "utf8"))
    .join("");

/** What can be named, and what a point or a shell would take apart. */
const good = [
  "a",
  "007",
  "-",
  "before-upgrade",
  "v1.2.3",
  "2026-11-29",
  "größer_als",
  "事前",
  "HEAD",
];
const bad = [
  "",
  " ",
  "a b",
  "a..b",
  ".a",
  "a.",
  "x^",
  "x~2",
  "a/b",
  "a:b",
  "\u001B",
  "\uD800",
  "x".repeat(513),
];

describe("store.mark", () => {
  it("names the place behind all that was called before, and is a point, also of the newest of a name", async () => {
    const dir = join(root, "live");
    const store = await openTaskStore({ dir });
    const created = store.create({ id: "a", description: "x", tool: "T" });
    const first = await store.mark("here", { text: "why" });
    expect(first).toBe((await created).sequence + 1);
    await store.update("a", { status: "failed" });
    const second = await store.mark("here");
    const offline = await open(dir, { cacheDir: false });
    expect(await offline.point("mark:here")).toBe(second);
    expect(await offline.point("mark:here~1")).toBe(second - 1);
    expect((await offline.info()).marks).toEqual([
      { sequence: first, name: "here", text: "why" },
      { sequence: second, name: "here", text: undefined },
    ]);
    const before = await offline.stateAt(first);
    expect(await before.get({ entity: "task", id: "a" })).toMatchObject({ status: "pending" });
    await offline.close();
    await store.close();
  });

  it("takes exactly the names that can be written as a point", async () => {
    const dir = join(root, "names");
    const store = await openTaskStore({ dir });
    const sequences = new Map<string, number>();
    for (const name of good) sequences.set(name, await store.mark(name));
    for (const name of bad)
      await expect(store.mark(name), name).rejects.toBeInstanceOf(InvalidMutationError);
    await expect(store.mark("a", { text: "x".repeat(4_097) })).rejects.toBeInstanceOf(
      InvalidMutationError,
    );
    await store.close();
    const offline = await open(dir, { cacheDir: false });
    for (const [name, sequence] of sequences)
      expect(await offline.point(`mark:${name}`), name).toBe(sequence);
    expect((await offline.info()).marks).toHaveLength(good.length);
    await offline.close();
  });

  it("is durable once it is resolved, and costs no state", async () => {
    const sim = createSimDisk();
    const store = await openTaskStore({ dir: "/s", disk: sim.process() });
    await store.create({ id: "a", description: "x", tool: "T" });
    const sequence = await store.mark("kept");
    const digest = store.digest();
    sim.powerCut("none");
    const again = await openTaskStore({ dir: "/s", disk: sim.process() });
    expect(again.digest()).toBe(digest);
    const types: string[] = [];
    for await (const { seq, type, data } of again.records({ from: sequence })) {
      types.push(`${seq} ${type} ${JSON.stringify(data)}`);
      break;
    }
    expect(types).toEqual([`${sequence} $mark {"name":"kept"}`]);
    await again.close();
  });
});

describe("taskwal mark", () => {
  it("writes one record to a store that nobody has open, and says which", async () => {
    const dir = await makeStore("closed");
    const { stdout, stderr, status } = run(["mark", dir, "007", "--text", "08"]);
    expect({ stdout, stderr, status }).toEqual({
      stdout: "@5 is mark:007\n",
      stderr: "",
      status: 0,
    });
    const { stdout: json } = run(["mark", dir, "next", "--json"]);
    expect(JSON.parse(json)).toEqual({ v: 1, kind: "mark", dir, mark: "next", sequence: 8 });
    expect(run(["info", dir]).stdout).toMatch(/^Mark +@5 007\nMark +@8 next$/m);
    const shown = run(["show", "mark:007", dir, "--json"]).stdout;
    expect(JSON.parse(shown)).toMatchObject({ record: { data: { name: "007", text: "08" } } });
    expect(run(["diff", "mark:007..mark:next", dir]).status).toBe(0);
  });

  it("beside a living owner is refused, names him, and writes nothing", async () => {
    const dir = join(root, "owned");
    const store = await openTaskStore({ dir });
    await store.create({ id: "a", description: "x", tool: "T" });
    const before = logOf(dir);
    const { stdout, stderr, status } = run(["mark", dir, "now"]);
    expect({ stdout, status }).toEqual({ stdout: "", status: 3 });
    expect(stderr).toContain(`${process.pid}`);
    expect(logOf(dir)).toBe(before);
    await store.close();
  });

  it("of a store that lost acknowledged records is refused: it decides nothing about them", () => {
    const dir = join(root, "damaged");
    cpSync(exampleCrashed, dir, { recursive: true });
    const before = logOf(dir);
    const { stdout, stderr, status } = run(["mark", dir, "now"]);
    expect({ stdout, status }).toEqual({ stdout: "", status: 4 });
    expect(stderr).toContain("no line verifies here");
    expect(logOf(dir)).toBe(before);
  });

  it.each([
    ["a name that is no point", ["a..b"], /mark's name/],
    ["a text without end", ["a", "--text", "x".repeat(4_097)], /mark's text/],
    ["no name", [], /missing required args/],
  ])("refuses %s with exit code 2, before it opens anything", async (_, words, why) => {
    const dir = await makeStore(`refused-${words.length}-${words[0] ?? ""}`);
    const before = logOf(dir);
    const { stdout, stderr, status } = run(["mark", dir, ...words]);
    expect({ stdout, status }).toEqual({ stdout: "", status: 2 });
    expect(stderr).toMatch(why);
    expect(logOf(dir)).toBe(before);
  });

  it("makes no directory and no store of one that is none", () => {
    expect(run(["mark", join(root, "nowhere"), "a"]).status).toBe(2);
    expect(readdirSync(root)).not.toContain("nowhere");
  });
});
