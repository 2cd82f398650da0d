/**
 * A legacy directory becomes a store: whatever could be read of it, and the originals as they were.
 *
 * Method: the captured directories (fixtures/systemprompt) on the simulated disk; the command on a copy.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { createSimDisk, SimCrash, type SimDisk } from "@taskwal/disk/sim";
import type { ImportReport } from "@taskwal/tasks";
import { openTaskStore, UnsupportedFormatError, type TaskStore } from "taskwal";
import { afterAll, describe, expect, it } from "vitest";

const fixtures = join(import.meta.dirname, "../fixtures");
const legacyFixture = (name: string): string => join(fixtures, "systemprompt", name);
const filesOf = (dir: string): string[] =>
  readdirSync(dir, { recursive: true, encoding: "utf8" })
    .filter((name) => statSync(join(dir, name)).isFile())
    .toSorted();

/** A simulated disk with a fixture's files under /data. Names that are folders of files stay out. */
const diskWith = async (dir: string): Promise<SimDisk> => {
  const disk = createSimDisk({ seed: 1 });
  const directory = await disk.process().createDirectory("/data");
  for (const name of filesOf(dir)) {
    const parts = name.split("/");
    if (parts.length > 2) continue;
    if (parts.length === 2) await directory.createFolder(parts[0] ?? "");
    disk.writeRaw(`/data/${name}`, readFileSync(join(dir, name)));
  }
  return disk;
};

const open = async (
  disk: SimDisk,
): Promise<{ store: TaskStore; report: ImportReport | undefined }> => {
  let report: ImportReport | undefined;
  const store = await openTaskStore({
    dir: "/data",
    disk: disk.process(),
    onImported: (found) => (report = found),
  });
  return { store, report };
};

const originals = (disk: SimDisk): Map<string, string> =>
  new Map(
    disk
      .listRaw()
      .filter((path) => path.startsWith("/data/legacy/") && !path.endsWith("/import.json"))
      .map((path) => [path, sha256(disk.readRaw(path) ?? new Uint8Array())]),
  );
const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

describe("an import", () => {
  const expected = [
    ["healthy", 25, 411, 0],
    ["after-sigkill", 18, 320, 10],
    ["after-full-disk", 16, 64, 14],
  ] as const;

  for (const [name, tasks, logEntries, problems] of expected) {
    it(`of ${name} brings ${tasks} tasks, names ${problems} files, and keeps every original`, async () => {
      const dir = legacyFixture(name);
      const disk = await diskWith(dir);
      const { store, report } = await open(disk);
      expect(store.list()).toHaveLength(tasks);
      expect(report).toMatchObject({ tasks, logEntries });
      expect(report?.problems.map(({ file }) => file)).toHaveLength(problems);
      expect(store.list().reduce((sum, { id }) => sum + store.logs(id).length, 0)).toBe(logEntries);
      const digest = store.digest();
      await store.close();
      const kept = originals(disk);
      for (const file of filesOf(dir)) {
        const path = `/data/legacy/${file.replace("/", ".")}`;
        expect(kept.get(path), path).toBe(sha256(readFileSync(join(dir, file))));
      }
      const again = await open(disk);
      expect(again.report).toBeUndefined();
      expect(again.store.digest()).toBe(digest);
      await again.store.close();
    });
  }

  it("of each odd directory brings the two untouched tasks, and never stops at a bad file", async () => {
    for (const name of readdirSync(legacyFixture("odd"))) {
      const { store } = await open(await diskWith(join(legacyFixture("odd"), name)));
      const ids = store.list().map(({ id }) => id.slice(0, 8));
      expect(ids, name).toContain("e14be761");
      expect(ids, name).toContain("ec364cd8");
      await store.close();
    }
  });

  it("that a crash cuts short goes on to the same state, whatever call the crash hits", async () => {
    const start = await diskWith(join(legacyFixture("odd"), "state-knows-more-than-files"));
    const fork = start.snapshotState();
    const whole = await open(start);
    const digest = whole.store.digest();
    const calls = start.callCount;
    await whole.store.close();
    let interrupted = 0;
    for (let call = 1; call <= calls; call += 1) {
      const disk = start;
      disk.restore(fork);
      disk.crashAt(disk.callCount + call);
      const crashed = await Promise.race([
        open(disk).then(
          () => false,
          (error: unknown) => error instanceof SimCrash,
        ),
        disk.whenCrashed.then(() => true),
      ]);
      if (!crashed) break;
      interrupted += 1;
      disk.powerCut("random");
      const { store } = await open(disk);
      expect(store.digest(), `crashed at call ${call}`).toBe(digest);
      expect(store.recovery.lost).toEqual([]);
      await store.close();
    }
    expect(interrupted).toBeGreaterThan(20);
  }, 60_000);

  it("of another program's state is refused, and nothing is touched", async () => {
    const disk = createSimDisk({ seed: 2 });
    await (await disk.process().createDirectory("/data")).close();
    const states = join(fixtures, "agentapi/states");
    const [file = ""] = readdirSync(states).filter((name) => name.includes("turns"));
    disk.writeRaw("/data/state.json", readFileSync(join(states, file)));
    const before = disk.listRaw();
    await expect(open(disk)).rejects.toThrow(UnsupportedFormatError);
    expect(disk.listRaw()).toEqual(before);
  });
});

describe("taskwal import", () => {
  const root = mkdtempSync(join(tmpdir(), "taskwal-import-"));
  afterAll(() => rmSync(root, { recursive: true }));
  const command = join(import.meta.dirname, "../../packages/taskwal/bin/taskwal.js");
  const run = (...words: string[]) =>
    spawnSync(process.execPath, [command, "import", ...words], { encoding: "utf8" });
  const tree = (dir: string): string[] =>
    filesOf(dir).map(
      (name) => `${relative(dir, join(dir, name))} ${sha256(readFileSync(join(dir, name)))}`,
    );

  it("says in a dry run what it would bring, and writes nothing", () => {
    const dir = join(root, "dry");
    cpSync(legacyFixture("after-sigkill"), dir, { recursive: true });
    const before = tree(dir);
    const { status, stdout } = run(dir, "--dry-run");
    expect(status).toBe(0);
    expect(stdout).toContain("18 tasks");
    expect(stdout).toContain("tasks/a4c98241-f0cf-4f8e-92ff-42c60408ea0c.json");
    expect(tree(dir)).toEqual(before);
  });

  it("brings a directory into a new store elsewhere and leaves the source alone", () => {
    const dir = join(root, "source");
    const into = join(root, "new");
    cpSync(legacyFixture("healthy"), dir, { recursive: true });
    const before = tree(dir);
    const { status, stdout } = run(dir, "--into", into, "--json");
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      tasks: 25,
      logEntries: 411,
      written: true,
      problems: [],
    });
    expect(tree(dir)).toEqual(before);
    expect(existsSync(join(into, "wal"))).toBe(true);
  });

  it("refuses what is no legacy directory, in one sentence", () => {
    const { status, stdout, stderr } = run(join(fixtures, "agentapi/states"));
    expect(status).toBe(1);
    expect(stdout).toBe("");
    expect(stderr).toMatch(/^taskwal: .* holds .*; this version reads .*\n$/);
  });
});
