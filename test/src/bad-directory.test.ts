/**
 * Directories that are not opened: each is refused with its class, and no byte in it changes.
 *
 *     newer format │ unknown field │ newer schema │ another program's │ a file │ no permission │ read-only │ network
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  chownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { createSimDisk } from "@taskwal/disk/sim";
import { LineBuffer, parseSegmentName, segmentSalt } from "@taskwal/format";
import {
  defineEntity,
  defineModel,
  DiskFailedError,
  openStore,
  UnsupportedFormatError,
} from "taskwal";
import { expect, onTestFinished, test, type TestContext } from "vitest";
import { z } from "zod";
import { notesOf, openNotes, refusalOf } from "./world/note-model.ts";
import { scratchDirectories, treeOf } from "./world/scratch.ts";
import { startProcess } from "./world/store-process.ts";

const scratch = scratchDirectories();

/** A directory of notes that was closed, with a snapshot and a log. */
const closedStore = async (dir = scratch()): Promise<string> => {
  const store = await openNotes(undefined, { dir });
  for (const id of ["a", "b"]) await store.notes.mutate(id, "note.created", { text: id });
  await store.close();
  return dir;
};

const lastSegment = (dir: string): string =>
  readdirSync(join(dir, "wal"))
    .filter((name) => name.endsWith(".jsonl"))
    .toSorted()
    .at(-1) ?? "";

/** Writes the lines of a segment anew, each with a valid checksum, as another version might have. */
const rewriteSegment = (dir: string, change: (body: string, index: number) => string): void => {
  const name = lastSegment(dir);
  const path = join(dir, "wal", name);
  const lines = readFileSync(path, "utf8").trimEnd().split("\n");
  const header = JSON.parse(lines[0] ?? "") as { store: string };
  const id = parseSegmentName(`wal/${name}`) ?? parseSegmentName(name);
  if (!id) throw new Error(`not a segment: ${name}`);
  const buffer = new LineBuffer();
  const salt = segmentSalt(header.store, id);
  for (const [index, line] of lines.entries()) {
    buffer.push(change(line.slice('{"crc":"00000000",'.length), index), salt);
  }
  writeFileSync(path, buffer.view());
};

/** The opening is refused, twice, and the tree is the same before, between and after. */
const refusedTwice = async (dir: string, open: () => Promise<unknown>): Promise<unknown> => {
  const before = treeOf(dir);
  const first = await refusalOf(open());
  expect(treeOf(dir)).toEqual(before);
  const second = await refusalOf(open());
  expect(treeOf(dir)).toEqual(before);
  expect(String(second)).toBe(String(first));
  expect(String(first)).not.toMatch(/delete|remove|rm /);
  return first;
};

test("a log of a newer format is refused, naming what was found and what is read, and is left as it is", async () => {
  const dir = await closedStore();
  rewriteSegment(dir, (body, index) =>
    index === 0 ? body.replace('"format":1', '"format":2') : body,
  );
  const error = await refusedTwice(dir, () => openNotes(undefined, { dir }));
  expect(error).toBeInstanceOf(UnsupportedFormatError);
  expect(error).toMatchObject({
    found: expect.stringContaining("2"),
    file: expect.stringContaining("wal/"),
  });
  expect(await refusalOf(openNotes(undefined, { dir, readOnly: true }))).toBeInstanceOf(
    UnsupportedFormatError,
  );
});

test("a record with a field that this version does not know is refused, and the log is left as it is", async () => {
  const dir = scratch();
  const store = await openNotes(undefined, { dir });
  await store.notes.mutate("a", "note.created", { text: "a" });
  await store.flush();
  const copy = scratch();
  execFileSync("cp", ["-a", `${dir}/.`, copy]);
  await store.close();
  rewriteSegment(copy, (body) =>
    body.includes('"note.created"') ? body.replace('"type":', '"unheard":1,"type":') : body,
  );
  // As on another machine: the copy's owner is not this process.
  writeFileSync(join(copy, "LOCK"), "{}\n");
  const error = await refusedTwice(copy, () => openNotes(undefined, { dir: copy }));
  expect(error).toBeInstanceOf(UnsupportedFormatError);
});

test("a snapshot of a newer format is refused, never answered from an older backup", async () => {
  const dir = await closedStore();
  const path = join(dir, "state.json");
  const [text = ""] = readFileSync(path, "utf8")
    .replace('"format":1', '"format":2')
    .split('"checksum":');
  const checksum = createHash("sha256").update(text).digest("hex");
  writeFileSync(path, `${text}"checksum":"sha256:${checksum}"}\n`);
  const error = await refusedTwice(dir, () => openNotes(undefined, { dir }));
  expect(error).toBeInstanceOf(UnsupportedFormatError);
  expect(error).toMatchObject({ file: expect.stringContaining("state.json") });
});

const keep = (note: object): never => note as never;
const refuse = (): never => {
  throw new Error("this reducer knows better now");
};

const modelWith = (version: number, types: readonly string[], reduce = keep) => {
  const Note = z.looseObject({ id: z.string() });
  const change = Object.fromEntries(
    types.map((type) => [type, { payload: z.looseObject({}), reduce }]),
  );
  const migrate = Object.fromEntries(
    Array.from({ length: version - 1 }, (_, at) => [at + 1, (old: object) => old]),
  );
  return defineModel({
    entities: {
      notes: defineEntity({
        name: "note",
        collection: "notes",
        version,
        schema: Note,
        migrate,
        create: { "note.made": { payload: z.looseObject({}), reduce: (_, { id }) => ({ id }) } },
        change,
      }),
    },
  });
};

test("entities of a newer schema are refused, and so is a record that the model cannot replay", async () => {
  const dir = scratch();
  const newer = await openStore({ dir, model: modelWith(2, ["note.touched"]), mirrors: false });
  await newer.notes.mutate("a", "note.made", {});
  await newer.snapshot();
  await newer.notes.mutate("a", "note.touched" as never, {});
  await newer.close();
  const older = await refusedTwice(dir, () =>
    openStore({ dir, model: modelWith(1, ["note.touched"]), mirrors: false }),
  );
  expect(older).toBeInstanceOf(UnsupportedFormatError);
  expect(older).toMatchObject({ found: "note schema version 2", supported: "note version 1" });
  for (const name of readdirSync(dir))
    if (name.startsWith("state")) execFileSync("rm", [join(dir, name)]);
  const failed = await refusedTwice(dir, () =>
    openStore({ dir, model: modelWith(2, ["note.touched"], refuse), mirrors: false }),
  );
  expect(failed).toMatchObject({
    code: "REPLAY_FAILED",
    type: "note.touched",
    id: "a",
    sequence: expect.any(Number),
  });
});

test("an opening that is refused for a record leaves no file open", async () => {
  const sim = createSimDisk();
  const newer = await openStore({
    dir: "/state",
    disk: sim.process(),
    model: modelWith(1, ["note.touched"]),
  });
  await newer.notes.mutate("a", "note.made", {});
  await newer.notes.mutate("a", "note.touched" as never, {});
  // With HEAD, which says that they are durable: a reader beside would not show them without.
  sim.powerCut("all");
  const process = sim.process();
  for (const readOnly of [false, true]) {
    const model = modelWith(1, ["note.touched"], refuse);
    const opening = openStore({ dir: "/state", disk: process, model, readOnly });
    expect(await refusalOf(opening)).toMatchObject({ code: "REPLAY_FAILED" });
    expect([...process.openFiles]).toEqual([]);
  }
});

test("damage is refused with its place and sequences if the caller wants that, and no byte changes", async () => {
  const dir = await closedStore();
  for (const name of readdirSync(dir))
    if (name.startsWith("state")) execFileSync("rm", [join(dir, name)]);
  const path = join(dir, "wal", lastSegment(dir));
  const bytes = readFileSync(path);
  const at = bytes.indexOf('"id":"a"');
  bytes.write("X", at + 6);
  writeFileSync(path, bytes);
  const error = await refusedTwice(dir, () => openNotes(undefined, { dir, onDamage: "refuse" }));
  expect(error).toMatchObject({
    code: "CORRUPT",
    file: expect.stringContaining("wal/"),
    startBytes: expect.any(Number),
    endBytes: expect.any(Number),
    sequences: [[2, 2]],
  });
});

test.each([
  ["a project", { "package.json": "{}", "src/index.ts": "export {};" }],
  ["a state.json of another program", { "state.json": '{"players":[1,2]}' }],
  ["a state.json that is cut off", { "state.json": '{"version":"1.0' }],
  ["a LOCK beside files of others", { LOCK: "", "notes.txt": "mine" }],
])("a directory that holds %s is not taken for an empty one", async (_, files) => {
  const dir = scratch();
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(join(dir, name, ".."), { recursive: true });
    writeFileSync(join(dir, name), text);
  }
  const error = await refusedTwice(dir, () => openNotes(undefined, { dir }));
  expect(error).toBeInstanceOf(UnsupportedFormatError);
});

test("a path that is a file, or leads through one, and a missing one to read are refused by errno", async () => {
  const dir = scratch();
  const file = join(dir, "file");
  writeFileSync(file, "text");
  for (const path of [file, join(file, "below")]) {
    const error = await refusedTwice(dir, () => openNotes(undefined, { dir: path }));
    expect(error).toBeInstanceOf(DiskFailedError);
    expect(error).toMatchObject({ errno: "ENOTDIR", outcome: "not-written", path });
  }
  const missing = join(dir, "missing");
  const error = await refusedTwice(dir, () =>
    openNotes(undefined, { dir: missing, readOnly: true }),
  );
  expect(error).toMatchObject({ code: "DISK_FAILED", errno: "ENOENT" });
});

/** A process without root's rights; where it cannot be had the test is skipped, and says so. */
const startNobody = async (context: TestContext) => {
  const id = 65_534;
  if (process.getuid?.() !== 0) context.skip("only root can start a process of another user");
  try {
    execFileSync("setpriv", ["--version"], { stdio: "pipe" });
  } catch {
    context.skip("setpriv(1) is not installed");
  }
  const under = ["setpriv", `--reuid=${id}`, `--regid=${id}`, "--clear-groups"];
  return { id, nobody: await startProcess({ under }) };
};

test("what may not be read or written is refused with its errno, its path, mode and remedy, and is never taken for damage or for nothing", async (context) => {
  const { id, nobody } = await startNobody(context);
  const lockedUp: readonly (readonly [what: string, name: string, mode: number])[] = [
    ["the directory", ".", 0o000],
    ["wal/", "wal", 0o000],
    ["a segment", "wal/segment", 0o000],
    ["HEAD", "wal/HEAD", 0o000],
    ["state.json", "state.json", 0o000],
    ["LOCK", "LOCK", 0o000],
    ["a directory that may only be read", "wal", 0o500],
  ];
  for (const [what, name, mode] of lockedUp) {
    const dir = await closedStore();
    chmodSync(join(dir, ".."), 0o755);
    for (const path of ["", ...Object.keys(treeOf(dir))]) chownSync(join(dir, path), id, id);
    const victim = join(dir, name === "wal/segment" ? `wal/${lastSegment(dir)}` : name);
    chmodSync(victim, mode);
    const before = treeOf(dir);
    // Who only reads may read a folder that he may not write, and needs no LOCK.
    const alsoReader = mode === 0o000 && name !== "LOCK";
    for (const readOnly of alsoReader ? [false, true] : [false]) {
      const error: unknown = await nobody
        .run(({ openTaskStore }, options) => openTaskStore(options).then(() => {}), {
          dir,
          readOnly,
        })
        .catch((one: unknown) => one);
      expect(error, what).toMatchObject({ code: "DISK_FAILED", errno: "EACCES" });
      const kind = statSync(victim).isDirectory() ? "folder" : "file";
      const found = `${victim} is a ${kind} of mode 0${mode.toString(8)}, and this process (uid ${id})`;
      expect(String(error), what).toContain(found.replace("/. is", " is"));
      expect(String(error), what).toMatch(
        /: chmod u\+rwx? '.*', or chown it to the user who runs this/,
      );
      expect(treeOf(dir), what).toEqual(before);
    }
  }
});

test("a read-only file system is refused for writing and can be read", async (context) => {
  const dir = scratch();
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=1m", "none", dir], { stdio: "pipe" });
  } catch (error) {
    context.skip(`a file system cannot be mounted here: ${String(error).split("\n")[0]}`);
  }
  onTestFinished(() => void execFileSync("umount", ["-l", dir]));
  await closedStore(dir);
  execFileSync("mount", ["-o", "remount,ro", dir]);
  const error = await refusedTwice(dir, () => openNotes(undefined, { dir }));
  expect(error).toBeInstanceOf(DiskFailedError);
  expect(error).toMatchObject({ errno: "EROFS", outcome: "not-written" });
  const reader = await openNotes(undefined, { dir, readOnly: true });
  expect(notesOf(reader)).toEqual({ a: [1, "a"], b: [1, "b"] });
  await reader.close();
});

test("a network file system is refused unless it is allowed", async () => {
  const sim = createSimDisk({ fileSystem: { name: "nfs", network: true } });
  const error = await refusalOf(openNotes(sim.process()));
  expect(error).toBeInstanceOf(DiskFailedError);
  expect(error).toMatchObject({
    path: "/state",
    outcome: "not-written",
    reason: expect.stringContaining("nfs"),
  });
  expect(sim.listRaw()).toEqual([]);
  const store = await openNotes(sim.process(), { allowNetworkFileSystem: true });
  await store.notes.mutate("a", "note.created", { text: "a" });
});
