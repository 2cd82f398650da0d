/**
 * What is kept of a log that was read: outside of its directory, private, and never believed when it does not fit.
 *
 * Method: real directories; the cache is changed byte by byte, shared, and asked by several at once.
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
import { openTaskStore } from "taskwal";
import { open } from "taskwal/offline";
import { afterAll, describe, expect, it } from "vitest";

const root = mkdtempSync(join(tmpdir(), "taskwal-cache-"));
afterAll(() => rmSync(root, { recursive: true }));

const fill = async (name: string, description = "one"): Promise<string> => {
  const dir = join(root, name);
  const store = await openTaskStore({ dir });
  await store.create({ id: "a", description, tool: "T" });
  await store.log("a", { level: "info", type: "output", message: "a line" });
  await store.update("a", { status: "failed" });
  await store.close();
  return dir;
};

const told = async (dir: string, cacheDir: string | false): Promise<unknown> => {
  const offline = await open(dir, { cacheDir });
  try {
    const { last } = await offline.info();
    const state = await offline.stateAt(last);
    return { last, a: await state.get({ entity: "task", id: "a" }) };
  } finally {
    await offline.close();
  }
};

const files = (dir: string): readonly string[] => readdirSync(dir).toSorted();

describe("what is kept of a log", () => {
  it("is used again: nothing is written when nothing changed", async () => {
    const dir = await fill("again");
    const cacheDir = join(root, "cache-again");
    const first = await told(dir, cacheDir);
    const kept = files(cacheDir).map((name) => `${name} ${statSync(join(cacheDir, name)).mtimeMs}`);
    expect(kept).toHaveLength(3);
    expect(await told(dir, cacheDir)).toEqual(first);
    expect(
      files(cacheDir).map((name) => `${name} ${statSync(join(cacheDir, name)).mtimeMs}`),
    ).toEqual(kept);
  });

  it("is made again, and tells the same, whichever of its bytes is another or missing", async () => {
    const dir = await fill("bytes");
    const cacheDir = join(root, "cache-bytes");
    const expected = await told(dir, cacheDir);
    for (const name of files(cacheDir)) {
      const path = join(cacheDir, name);
      const bytes = readFileSync(path);
      const steps = Math.max(1, Math.floor(bytes.length / 12));
      for (let at = 0; at < bytes.length; at += steps) {
        const changed = Buffer.from(bytes);
        changed[at] = (changed[at] ?? 0) ^ 0x20;
        for (const harmed of [
          changed,
          bytes.subarray(0, at),
          Buffer.concat([bytes, Buffer.from("x")]),
        ]) {
          writeFileSync(path, harmed);
          expect(await told(dir, cacheDir)).toEqual(expected);
          expect(readFileSync(path).equals(bytes)).toBe(true);
        }
      }
      rmSync(path);
      expect(await told(dir, cacheDir)).toEqual(expected);
    }
  }, 60_000);

  it("is of this state of this store only, and takes the place of an older one", async () => {
    const [dir, other] = [await fill("mine"), await fill("other", "two")];
    const cacheDir = join(root, "cache-shared");
    const first = (await told(dir, cacheDir)) as { last: number };
    expect(await told(other, cacheDir)).toMatchObject({ a: { description: "two" } });
    expect(files(cacheDir)).toHaveLength(6);
    const store = await openTaskStore({ dir });
    await store.update("a", { status: "completed" });
    await store.close();
    const now = (await told(dir, cacheDir)) as { last: number };
    expect(now).toMatchObject({ a: { status: "completed" } });
    expect(now.last).toBeGreaterThan(first.last);
    expect(files(cacheDir)).toHaveLength(6);
    // The same bytes elsewhere are another directory.
    const copy = join(root, "mine-copy");
    cpSync(dir, copy, { recursive: true });
    expect(await told(copy, cacheDir)).toEqual(now);
  });

  it("can be asked by several at once, the first time too", async () => {
    const dir = await fill("several");
    const cacheDir = join(root, "cache-several");
    const answers = await Promise.all(Array.from({ length: 8 }, () => told(dir, cacheDir)));
    for (const answer of answers) expect(answer).toEqual(answers[0]);
    expect(files(cacheDir)).toHaveLength(3);
  });

  it("may be entered by its user only", async () => {
    const cacheDir = join(root, "cache-private", "deep");
    await told(await fill("private"), cacheDir);
    expect(statSync(cacheDir).mode & 0o777).toBe(0o700);
    for (const name of files(cacheDir)) expect(statSync(join(cacheDir, name)).mode & 0o077).toBe(0);
  });

  it("is never kept in the directory itself: that is refused, and nothing is made", async () => {
    const dir = await fill("inside");
    const before = files(dir);
    await expect(open(dir, { cacheDir: join(dir, "cache") })).rejects.toThrow(RangeError);
    await expect(open(dir, { cacheDir: dir })).rejects.toThrow("nothing may be written");
    expect(files(dir)).toEqual(before);
  });

  it("is nothing at all where that is asked for", async () => {
    const dir = await fill("nothing");
    const places = (): readonly string[] =>
      readdirSync(tmpdir()).filter((name) => name.startsWith("taskwal-track-"));
    const before = places();
    expect(await told(dir, false)).toMatchObject({ a: { status: "failed" } });
    expect(places()).toEqual(before);
  });
});
