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
import { createSimDisk, type SimDisk } from "@taskwal/disk/sim";
import type { ImportReport } from "@taskwal/tasks";
import {
  openTaskStore,
  UnsupportedFormatError,
  type OpenTaskStoreOptions,
  type TaskStore,
} from "taskwal";
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
  options: OpenTaskStoreOptions = {},
): Promise<{ store: TaskStore; report: ImportReport | undefined }> => {
  let report: ImportReport | undefined;
  const store = await openTaskStore({
    dir: "/data",
    disk: disk.process(),
    onImported: (found) => (report = found),
    ...options,
  });
  return { store, report };
};

const originals = (disk: SimDisk): Map<string, string> =>
  new Map(
    disk
      .listRaw()
      .filter((path) => path.startsWith("/data/legacy/") && !/\/(import|source)\.json$/.test(path))
      .map((path) => [path, sha256(disk.readRaw(path) ?? new Uint8Array())]),
  );
const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

/** Every file of the layout, byte for byte, under legacy/. */
const expectOriginals = (disk: SimDisk, dir: string): void => {
  const kept = originals(disk);
  const files = filesOf(dir).filter((name) =>
    /^(state\.json|state\.backup\..*\.json|tasks\/[^/]+)$/.test(name),
  );
  for (const file of files) {
    const path = `/data/legacy/${file.replace("/", ".")}`;
    expect(kept.get(path), path).toBe(sha256(readFileSync(join(dir, file))));
  }
  expect(kept.size).toBe(files.length);
};

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
      expectOriginals(disk, dir);
      const again = await open(disk);
      expect(again.report).toBeUndefined();
      expect(again.store.digest()).toBe(digest);
      await again.store.close();
    });
  }

  it("of each odd directory brings the two untouched tasks, and never stops at a bad file", async () => {
    for (const name of readdirSync(legacyFixture("odd"))) {
      const dir = join(legacyFixture("odd"), name);
      const disk = await diskWith(dir);
      const { store, report } = await open(disk);
      const ids = store.list().map(({ id }) => id.slice(0, 8));
      expect(ids, name).toContain("e14be761");
      expect(ids, name).toContain("ec364cd8");
      expect(report?.tasks, name).toBe(store.list().length);
      await store.close();
      expectOriginals(disk, dir);
      expect((await open(disk)).report, name).toBeUndefined();
    }
  });

  it("is no conflict and no corruption, then or at the opening after a crash right behind it", async () => {
    const disk = await diskWith(legacyFixture("healthy"));
    const told: string[] = [];
    const on = Object.fromEntries(
      ["state:corruption", "mirror:conflict", "state:save-error"].map((name) => [
        name,
        () => told.push(name),
      ]),
    );
    await open(disk, { on });
    disk.powerCut("random");
    const { store } = await open(disk, { on });
    expect(store.recovery.skipped).toEqual([]);
    expect(store.list()).toHaveLength(25);
    await store.close();
    expect(told).toEqual([]);
    expect(disk.listRaw().filter((path) => path.includes("/quarantine/"))).toEqual([]);
  });

  it("is done once, by whoever is first, also if the other one had looked before", async () => {
    const disk = await diskWith(legacyFixture("after-full-disk"));
    const first = open(disk);
    const second = open(disk, { onLocked: { waitMs: 60_000 } });
    const { store, report } = await first;
    await store.delete(store.list()[0]?.id ?? "");
    await store.close();
    for (let turn = 0; turn < 100; turn += 1) {
      await new Promise<void>((resolve) => void setImmediate(resolve));
      disk.clock.advance(50);
    }
    const later = await second;
    expect(report?.tasks).toBe(16);
    expect(later.report).toBeUndefined();
    expect(later.store.list()).toHaveLength(15);
    await later.store.close();
  });

  it("leaves out an entry that no record can hold, names it, and brings the rest", async () => {
    const disk = await diskWith(join(legacyFixture("odd"), "task-null"));
    const path = "/data/tasks/e14be761-6271-45f6-9254-053463de4690.json";
    const task = JSON.parse(Buffer.from(disk.readRaw(path)).toString("utf8")) as {
      updated_at: string;
      logs: object[];
    };
    const entry = { timestamp: "", level: "info", type: "output", message: "small" };
    const huge = { ...entry, message: "x".repeat(17 * 1024 * 1024) };
    const logs = [...task.logs, huge, entry];
    disk.writeRaw(path, Buffer.from(JSON.stringify({ ...task, logs })));
    const { store, report } = await open(disk);
    expect(report?.problems.filter(({ kind }) => kind === "too-large")).toMatchObject([
      { file: "tasks/e14be761-6271-45f6-9254-053463de4690.json", recovered: "the other entries" },
    ]);
    const found = store.logs("e14be761-6271-45f6-9254-053463de4690");
    expect(found).toHaveLength(task.logs.length + 1);
    expect(found.at(-1)?.message).toBe("small");
    await store.close();
  });

  const resumes = async (dir: string, options: OpenTaskStoreOptions): Promise<void> => {
    const disk = await diskWith(join(legacyFixture("odd"), "state-knows-more-than-files"));
    const fork = disk.snapshotState();
    const before = disk.callCount;
    const whole = await open(disk, options);
    const digest = whole.store.digest();
    const calls = disk.callCount - before;
    await whole.store.close();
    const reportName = `${dir}/legacy/import.json`;
    const report = Buffer.from(disk.readRaw(reportName)).toString("utf8");
    let interrupted = 0;
    let begun = 0;
    for (let call = 1; call <= calls; call += 1) {
      disk.restore(fork);
      disk.crashAt(disk.callCount + call);
      const opening = open(disk, options).catch(() => {});
      await Promise.race([opening, disk.whenCrashed]);
      if (!disk.isCrashed) continue;
      interrupted += 1;
      disk.powerCut("random");
      const isBegun = disk.listRaw().some((path) => path.startsWith(`${dir}/wal/`));
      if (isBegun) begun += 1;
      // Once there is a log, whoever opens it goes on: it need not be told from where.
      const { store } = await open(disk, isBegun ? { dir } : options);
      expect(store.digest(), `crashed at call ${call}`).toBe(digest);
      expect(store.recovery.lost).toEqual([]);
      await store.close();
      expect(Buffer.from(disk.readRaw(reportName)).toString("utf8")).toBe(report);
      expect((await open(disk, { dir })).report).toBeUndefined();
    }
    expect(interrupted).toBeGreaterThan(20);
    expect(begun).toBeGreaterThan(20);
  };

  it("that a crash cuts short goes on to the same state, whatever call the crash hits", async () => {
    await resumes("/data", {});
  }, 60_000);

  it("from another directory that a crash cuts short goes on as well, and leaves the source as it is", async () => {
    await resumes("/new", { dir: "/new", importFrom: "/data" });
  }, 60_000);

  it("from another directory never goes into one that holds something", async () => {
    const disk = await diskWith(legacyFixture("after-full-disk"));
    await (await open(disk, { dir: "/taken" })).store.close();
    const before = disk.listRaw();
    await expect(open(disk, { dir: "/taken", importFrom: "/data" })).rejects.toThrow(
      UnsupportedFormatError,
    );
    await expect(open(disk, { dir: "/new", importFrom: "/taken" })).rejects.toThrow(
      UnsupportedFormatError,
    );
    expect(disk.listRaw()).toEqual(before);
  });

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
    // Something could not be read.
    expect(status).toBe(1);
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
    const again = run(dir, "--into", into);
    expect(again).toMatchObject({ status: 2, stdout: "" });
    expect(again.stderr).toContain("was imported into");
  });

  it("tells in a table every file that did not read as a whole, and brings the rest in place", () => {
    const dir = join(root, "in-place");
    cpSync(legacyFixture("after-sigkill"), dir, { recursive: true });
    const dry = run(dir, "--dry-run").stdout.split("\n");
    const { status, stdout } = run(dir);
    expect(status).toBe(1);
    const lines = stdout.split("\n");
    expect(lines.filter((line) => line.length > 80)).toEqual([]);
    const { problems } = JSON.parse(
      readFileSync(join(dir, "legacy/import.json"), "utf8"),
    ) as ImportReport;
    expect(problems).toHaveLength(10);
    for (const { file } of problems) {
      expect(lines).toContain(`  ${file}`);
      expect(dry).toContain(`  ${file}`);
    }
    expect(run(dir)).toMatchObject({ status: 2, stdout: "" });
  });

  it("refuses what is no legacy directory, in one sentence", () => {
    for (const dir of [join(fixtures, "agentapi/states"), join(root, "missing")]) {
      const { status, stdout, stderr } = run(dir);
      expect(status).toBe(2);
      expect(stdout).toBe("");
      expect(stderr).toMatch(/^taskwal: .*\nSee taskwal --help\.\n$/);
    }
  });
});
