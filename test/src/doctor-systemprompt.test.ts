/**
 * What the doctor says of state directories that the real program left, and of ones that were changed by hand:
 * every damaged file is named, every healthy one is not, and a task that others have whole is found there.
 *
 * Method: test/fixtures/systemprompt through a directory that throws on everything that writes.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { openNodeDisk } from "@taskwal/disk";
import { diagnose, type Diagnosis } from "@taskwal/doctor";
import { describe, expect, it } from "vitest";
import { countOf, diagnosed, reasonsOf, told, type Files } from "./doctor/planted.ts";
import { changedId, goodTask, pendingId, readOnly, root } from "./systemprompt-fixtures.ts";

const disk = openNodeDisk();
const look = (name: string): Promise<Diagnosis> =>
  diagnose(
    { ...disk, openDirectory: async (path) => readOnly(await disk.openDirectory(path)) },
    join(root, name),
  );
const changed = `tasks/${changedId}.json`;

const parses = (path: string): boolean => {
  try {
    JSON.parse(readFileSync(path, "utf8"));
    return true;
  } catch {
    return false;
  }
};
const jsonFilesOf = (name: string): string[] =>
  readdirSync(join(root, name), { recursive: true, encoding: "utf8" }).filter((each) =>
    each.endsWith(".json"),
  );

describe("a directory of systemprompt-code-orchestrator", () => {
  it("that is healthy has no finding", async () => {
    const diagnosis = await look("healthy");
    expect(told(diagnosis)).toEqual([]);
    expect(diagnosis).toMatchObject({
      layout: "systemprompt",
      newestSnapshot: { file: "state.json", tasks: 25 },
      skipped: [],
    });
    expect(diagnosis.files.length).toBe(jsonFilesOf("healthy").length);
  });

  it.each(["after-sigkill", "after-full-disk", "after-full-disk.before", "healthy"])(
    "left %s has a finding for exactly the files that its program cannot parse",
    async (name) => {
      const { files } = await look(name);
      const damaged = files.filter(({ findings }) => findings.length > 0).map(({ file }) => file);
      const expected = jsonFilesOf(name).filter((file) => !parses(join(root, name, file)));
      expect(damaged).toEqual(expected.toSorted());
    },
  );

  it("finds where a task of a damaged file is whole, and that copy is", async () => {
    for (const name of ["after-sigkill", "after-full-disk"]) {
      const { files } = await look(name);
      const copies = files
        .flatMap(({ findings }) => findings)
        .filter(({ copyIn }) => copyIn !== undefined);
      expect(copies.length).toBeGreaterThan(2);
      for (const { file, copyIn = "" } of copies) {
        const id = file.slice("tasks/".length, -".json".length);
        expect(readFileSync(join(root, name, copyIn), "utf8")).toContain(`"id": "${id}"`);
      }
    }
  });

  it.each<[string, string[]]>([
    [
      "foreign-files",
      [
        "garbled state.backup.1.json.bak byte 0",
        "torn state.json~ byte 10",
        "garbled tasks/package.json",
      ],
    ],
    ["state-null-and-no-backups", ["garbled state.json"]],
    ["task-bom", [`hidden ${changed}`]],
    ["task-crlf", []],
    ["task-deep-nesting-2000", []],
    ["task-deep-nesting-20000", []],
    ["task-huge-numbers", []],
    ["task-id-not-uuid", []],
    ["task-invalid-utf8", [`garbled ${changed} byte 95`]],
    ["task-last-block-nul", [`zeroed ${changed} byte 2048 whole in state.json`]],
    ["task-lone-surrogates", []],
    ["task-missing-logs", []],
    ["task-newer-version", []],
    ["task-nul-filled", [`zeroed ${changed} whole in state.json`]],
    ["task-null", [`hidden ${changed}`]],
    ["task-odd-keys", []],
    ["task-odd-times", []],
    ["task-unknown-status", []],
    ["task-utf16", [`garbled ${changed}`]],
    ["task-zero-bytes", [`zeroed ${changed} whole in state.json`]],
  ])("changed by hand, %s: it says %j", async (variant, expected) => {
    expect(told(await look(`odd/${variant}`))).toEqual(expected);
  });

  it("whose tasks are left in backups only says which, and in which one", async () => {
    const diagnosis = await look("odd/only-backups");
    const missing = diagnosis.findings.filter(({ kind }) => kind === "missing");
    expect(missing).toHaveLength(3);
    for (const { copyIn } of missing) expect(copyIn).toBe("state.backup.1795160000000.json");
    expect(told(await look("odd/state-knows-more-than-files"))).toEqual([
      `missing ${changed} whole in state.json`,
    ]);
  });

  it("with a task in two files, or in one of another name, says that one hides the other", async () => {
    const twice = await look("odd/task-duplicate-id");
    expect(reasonsOf(twice).some((reason) => reason.includes("one hides the other"))).toBe(true);
    const elsewhere = await look("odd/task-id-differs-from-file-name");
    expect(reasonsOf(elsewhere)[0]).toContain("saves to another file");
  });
});

const snapshot = (...ids: string[]): string =>
  JSON.stringify({
    version: "1.0.0",
    last_saved: "2026-05-01T10:00:00.000Z",
    tasks: ids.map((id) => ({ ...goodTask(pendingId), id })),
  });
const task = (id: string): string => JSON.stringify({ ...goodTask(pendingId), id });

const planted: Files = {
  "state.json": snapshot("a", "b"),
  "state.backup.1795000000002.json": snapshot("a", "b"),
  "state.backup.1795000000001.json": snapshot("a", "b", "old"),
  "tasks/a.json": task("a"),
  "tasks/b.json": task("b"),
};

describe("a directory of that layout, damaged on purpose", () => {
  it("is well before; a task that only an older backup has is told apart from a missing one", async () => {
    const diagnosis = await diagnosed(planted);
    expect(told(diagnosis)).toEqual([]);
    expect(diagnosis).toMatchObject({
      onlyInOlder: [{ id: "old", copyIn: "state.backup.1795000000001.json" }],
      onlyInOlderCount: 1,
    });
  });

  it("has one finding for a task file that is cut at any byte, and counts as well only what parses", async () => {
    const whole = Buffer.from(task("a"));
    for (let cut = 0; cut < whole.length; cut += 1) {
      const diagnosis = await diagnosed({ ...planted, "tasks/a.json": whole.subarray(0, cut) });
      const where = cut === 0 ? "zeroed tasks/a.json" : `torn tasks/a.json byte ${cut}`;
      expect(told(diagnosis)).toEqual([`${where} whole in state.json`]);
    }
  });

  it("has one finding for a file whose end is another text, or the rest of a longer one", async () => {
    const longer = Buffer.from(task("a") + task("a").slice(-30));
    const glued = await diagnosed({ ...planted, "tasks/a.json": longer });
    const at = Buffer.byteLength(task("a"));
    expect(told(glued)).toEqual([`glued tasks/a.json byte ${at} whole in state.json`]);
    const spaces = await diagnosed({ ...planted, "tasks/a.json": `${task("a")}\r\n\t ` });
    expect(told(spaces)).toEqual([]);
  });

  it("whose state.json is cut compares with what of it is whole, and with the newest backup", async () => {
    const cut = snapshot("new", "a", "b").slice(0, -40);
    const diagnosis = await diagnosed({ ...planted, "state.json": cut });
    expect(diagnosis.newestSnapshot?.file).toBe("state.backup.1795000000002.json");
    expect(told(diagnosis)).toEqual([
      `torn state.json byte ${Buffer.byteLength(cut)}`,
      "missing tasks/new.json whole in state.json",
    ]);
  });

  it("does not call a task missing whose file cannot be read, and says that it cannot", async () => {
    const diagnosis = await diagnosed(planted, (sim) =>
      sim.fail(({ kind, path }) => kind === "open" && path.endsWith("tasks/a.json"), "EACCES"),
    );
    expect(told(diagnosis)).toEqual(["unreadable tasks/a.json whole in state.json"]);
    expect(reasonsOf(diagnosis)[0]).toContain("EACCES");
  });

  it("with a sector that cannot be read says so of that file, and reads the others", async () => {
    const diagnosis = await diagnosed(planted, (sim) => sim.failReads("/theirs/state.json", 0, 10));
    expect(told(diagnosis)).toEqual(["unreadable state.json"]);
    expect(countOf(diagnosis, "state.backup.1795000000002.json")).toBe(2);
  });

  it("shows no text of last_saved that is no time", async () => {
    const diagnosis = await diagnosed({
      ...planted,
      "state.json": snapshot("a", "b").replace("2026-05-01T10:00:00.000Z", "SECRET"),
    });
    expect(JSON.stringify(diagnosis)).not.toContain("SECRET");
    expect(diagnosis.newestSnapshot).toEqual({ file: "state.json", tasks: 2, savedAt: undefined });
  });
});
