/**
 * One segment or one snapshot alone, as somebody sends it: read like a directory that holds nothing else.
 */
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { open } from "taskwal/offline";
import { afterAll, expect, it } from "vitest";
import { repository } from "./documents.ts";

const root = mkdtempSync(join(tmpdir(), "taskwal-single-"));
afterAll(() => rmSync(root, { recursive: true }));
const example = join(repository, "packages/taskwal/example-crashed");
const sent = join(root, "sent");
mkdirSync(sent);
const [first = "", , third = ""] = readdirSync(join(example, "wal")).toSorted();
for (const name of [`wal/${first}`, `wal/${third}`, "state.json"])
  cpSync(join(example, name), join(sent, name.replace("wal/", "")));

const told = async (path: string) => {
  const offline = await open(path);
  const { provenance } = await offline.stateAt(await offline.point("@last"));
  const { directory, files } = await offline.info();
  const records: number[] = [];
  for await (const step of offline.records())
    if (step.kind === "record") records.push(step.sequence);
  const { exitCode } = await offline.verify();
  await offline.close();
  const { sequence, trust, gaps } = provenance;
  const missing = gaps.map(({ from, to }) => [from, to]);
  return {
    directory,
    files: files.map(({ name }) => name),
    records,
    sequence,
    trust,
    missing,
    exitCode,
  };
};

it("a segment is a log, with what comes before it as a gap; what lies beside it does not count", async () => {
  expect(await told(join(sent, first))).toEqual({
    directory: join(sent, first),
    files: [`wal/${first}`],
    records: [1, 2, 3, 4, 5, 6, 7],
    sequence: 7,
    trust: "verified",
    missing: [],
    exitCode: 0,
  });
  expect(await told(join(sent, third))).toMatchObject({
    records: [8, 9, 11, 12, 13, 14, 15, 16, 17],
    trust: "crossed-gap",
    missing: [
      [1, 7],
      [10, 10],
    ],
    exitCode: 4,
  });
});

it("a snapshot is a state without a history", async () => {
  const file = join(sent, "state.json");
  expect(await told(file)).toMatchObject({ files: ["state.json"], records: [], sequence: 6 });
  const offline = await open(file);
  const state = await offline.stateAt(6);
  expect(state.ids("task")).toEqual(["6f1c07a2", "70be9d41"]);
  await offline.close();
});

it("writes nothing beside it and leaves nothing behind, and any other file is refused", async () => {
  expect(readdirSync(sent).length).toBe(3);
  await expect(open(join(example, "wal/HEAD"))).rejects.toThrow(/ENOTDIR/);
  await expect(open(join(sent, "00000000000000000099-00000001.jsonl"))).rejects.toThrow(/ENOENT/);
});
