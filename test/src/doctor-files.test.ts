/**
 * What the doctor says of files beside each other, whoever's they are: Cline's tasks and their list, temporary files,
 * copies, logs; and of what it will not or cannot look into.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openNodeDisk } from "@taskwal/disk";
import { diagnose } from "@taskwal/doctor";
import { afterAll, describe, expect, it } from "vitest";
import { countOf, diagnosed, reasonsOf, told } from "./doctor/planted.ts";
import { directoryWith, removeMade } from "./systemprompt-fixtures.ts";

afterAll(removeMade);

const conversation = JSON.stringify([{ role: "user", content: [{ type: "text", text: "hi" }] }]);
const shown = JSON.stringify([{ ts: 1_746_000_000_000, type: "say", text: "hi" }]);
const list = (...ids: string[]): string =>
  JSON.stringify(ids.map((id) => ({ id, ts: 1, task: "hi" })));
const cline = {
  "state/taskHistory.json": list("17", "18"),
  "tasks/17/api_conversation_history.json": conversation,
  "tasks/17/ui_messages.json": shown,
  "tasks/18/api_conversation_history.json": conversation,
  "tasks/18/ui_messages.json": shown,
};

describe("the tasks of Cline", () => {
  it("that are whole have no finding", async () => {
    const diagnosis = await diagnosed(cline);
    expect(told(diagnosis)).toEqual([]);
    expect(diagnosis.files.map(({ program }) => program)).toEqual(Array(5).fill("cline"));
    expect(countOf(diagnosis, "state/taskHistory.json")).toBe(2);
  });

  it("that the list does not name are hidden, those that only the list names are missing", async () => {
    const diagnosis = await diagnosed({ ...cline, "state/taskHistory.json": list("18", "19") });
    expect(told(diagnosis)).toEqual(["hidden tasks/17", "missing tasks/19"]);
    const below = Object.entries({ ...cline, "state/taskHistory.json": list("18") });
    const moved = Object.fromEntries(below.map(([name, text]) => [`some/where/${name}`, text]));
    expect(told(await diagnosed(moved))).toEqual(["hidden some/where/tasks/17"]);
  });

  it("are not called hidden or missing where the list itself is damaged", async () => {
    const diagnosis = await diagnosed({
      ...cline,
      "state/taskHistory.json": list("18").slice(0, -3),
    });
    expect(told(diagnosis)).toEqual([expect.stringMatching(/^torn state\/taskHistory\.json/)]);
  });

  it("of which one of two files is not there say which, and none is called so that cannot be read", async () => {
    const { "tasks/18/ui_messages.json": _, ...half } = cline;
    expect(told(await diagnosed(half))).toEqual(["missing tasks/18/ui_messages.json"]);
    const denied = await diagnosed(cline, (sim) =>
      sim.fail(({ kind, path }) => kind === "open" && path.includes("tasks/18"), "EACCES", {
        times: "forever",
      }),
    );
    expect(told(denied)).toEqual([
      "unreadable tasks/18/api_conversation_history.json",
      "unreadable tasks/18/ui_messages.json",
    ]);
  });
});

describe("files beside a damaged one", () => {
  it.each([
    "a.json.tmp",
    ".a.json.tmp.4711.1700000000000",
    "a.json.3141592653",
    ".a.json.new_1700000000000_x.tmp",
  ])(
    "that were to replace it, as %s, are hidden while whole, and are said to have it whole",
    async (name) => {
      const diagnosis = await diagnosed({ "a.json": "", [name]: '{"a":1}' });
      expect(told(diagnosis).toSorted()).toEqual([
        `hidden ${name}`,
        `zeroed a.json whole in ${name}`,
      ]);
      const torn = await diagnosed({ "a.json": '{"a":1}', [name]: '{"a":' });
      expect(told(torn)).toEqual([`torn ${name} byte 5`]);
    },
  );

  it.each(["a.json.bak", "a.json~", ".a.json.backup", "a.json.corrupted.1700000000000"])(
    "that are a copy of it, as %s, are said to have it whole, and are nothing to find themselves",
    async (name) => {
      const diagnosis = await diagnosed({ "a.json": Buffer.alloc(9), [name]: '{"a":1}' });
      expect(told(diagnosis)).toEqual([`zeroed a.json whole in ${name}`]);
    },
  );

  it("that were temporary files of JSONL are read line by line", async () => {
    const diagnosis = await diagnosed({ "a.jsonl": "", "a.jsonl.tmp": '{"a":1}\n{"a":2}\n' });
    expect(told(diagnosis)).toEqual(["zeroed a.jsonl whole in a.jsonl.tmp", "hidden a.jsonl.tmp"]);
    expect(countOf(diagnosis, "a.jsonl.tmp")).toBe(2);
  });

  it("of other kinds are counted, and a log with NUL bytes is named", async () => {
    const diagnosis = await diagnosed({
      "notes.txt": "x",
      "db.sqlite": Buffer.alloc(40),
      "a.log": "one\ntwo",
      "b.log": Buffer.concat([Buffer.from("one\n"), Buffer.alloc(20)]),
      "empty.log": "",
    });
    expect(diagnosis.otherFiles).toBe(2);
    expect(told(diagnosis)).toEqual(["zeroed b.log byte 4"]);
    expect(countOf(diagnosis, "a.log")).toBe(2);
  });
});

describe("one JSON value that is longer than what is read at once", () => {
  const text = JSON.stringify({ text: "x".repeat(700_000) });

  it("has its hole of NUL bytes told as one, wherever the pieces end", async () => {
    for (const [from, size] of [
      [262_000, 500],
      [200_000, 400_000],
    ] as const) {
      const bytes = Buffer.from(text);
      bytes.fill(0, from, from + size);
      const diagnosis = await diagnosed({ "a.json": bytes });
      expect(told(diagnosis)).toEqual([`zeroed a.json byte ${from}`]);
      expect(reasonsOf(diagnosis)).toEqual([`bytes ${from} to ${from + size - 1} are NUL`]);
    }
  });

  it("is not well with NUL bytes before it or behind it, which its program does not take", async () => {
    for (const nul of [1, 300_000]) {
      const hole = "\u0000".repeat(nul);
      expect(told(await diagnosed({ "a.json": `${hole}{"a":1}` }))).toEqual([
        "zeroed a.json byte 0",
      ]);
      expect(told(await diagnosed({ "a.json": `{"a":1}${hole}` }))).toEqual([
        "zeroed a.json byte 7",
      ]);
    }
  });

  it("has what is behind it told, also where that begins with a new piece", async () => {
    for (const length of [262_144, 262_145, 524_288]) {
      const whole = JSON.stringify({ text: "x".repeat(length - 11) });
      expect(whole.length).toBe(length);
      expect(told(await diagnosed({ "a.json": whole }))).toEqual([]);
      expect(told(await diagnosed({ "a.json": `${whole}\n \t` }))).toEqual([]);
      expect(told(await diagnosed({ "a.json": `${whole}}` }))).toEqual([
        `glued a.json byte ${length}`,
      ]);
    }
  });
});

describe("what the doctor does not look into", () => {
  it("are links, also those in a circle or out of the directory, pipes, and folders of other tools", async () => {
    const outside = directoryWith({ "secret.json": "{" });
    const dir = directoryWith({
      "a/b/c.json": "{}",
      "node_modules/x.json": "{",
      ".git/x.json": "{",
    });
    symlinkSync(".", join(dir, "a", "loop"));
    symlinkSync("self", join(dir, "self"));
    symlinkSync(join(outside, "secret.json"), join(dir, "out.json"));
    symlinkSync(outside, join(dir, "outside"));
    execFileSync("mkfifo", [join(dir, "pipe.jsonl")]);
    const diagnosis = await diagnose(openNodeDisk(), dir);
    expect(told(diagnosis)).toEqual([]);
    expect(diagnosis.files.map(({ file }) => file)).toEqual(["a/b/c.json"]);
    expect(diagnosis.skipped.map(({ path }) => path).toSorted()).toEqual(
      [".git", "a/loop", "node_modules", "out.json", "outside", "pipe.jsonl", "self"].toSorted(),
    );
    expect(diagnosis.skipped.every(({ isRefusal }) => !isRefusal)).toBe(true);
  });

  it("are stores of taskwal, at the top and below", async () => {
    const dir = directoryWith({ "x.json": "{}", "mine/wal/": "", "mine/state.json": "{" });
    expect(await diagnose(openNodeDisk(), dir)).toMatchObject({
      files: [{ file: "x.json" }],
      stores: ["mine"],
    });
    const store = directoryWith({ "wal/": "", LOCK: "", "x.json": "{" });
    expect(await diagnose(openNodeDisk(), store)).toMatchObject({ layout: "taskwal", files: [] });
  });

  it("is what lies more than twelve folders deep, or cannot be listed: that is told as a refusal", async () => {
    const deep = Array.from({ length: 14 }, (_, index) => `f${index}`).join("/");
    const dir = directoryWith({ "a.json": "{}" });
    mkdirSync(join(dir, deep), { recursive: true });
    writeFileSync(join(dir, deep, "b.json"), "{");
    const diagnosis = await diagnose(openNodeDisk(), dir);
    expect(diagnosis.skipped).toMatchObject([{ isRefusal: true }]);
    const denied = await diagnosed({ "a/x.json": "{", "b.json": "{}" }, (sim) =>
      sim.fail(({ kind, path }) => kind === "openDirectory" && path.endsWith("/a"), "EACCES"),
    );
    expect(denied.skipped).toMatchObject([{ path: "a", isRefusal: true }]);
    expect(denied.files.map(({ file }) => file)).toEqual(["b.json"]);
  });

  it("is no file that grows while it is read: what is torn at its end is said to be perhaps under way", async () => {
    const diagnosis = await diagnosed({ "a.jsonl": '{"a":1}\n{"a":' }, (sim) => {
      let once = true;
      sim.fail(
        ({ kind, path }) => {
          if (once && kind === "read" && path.endsWith("a.jsonl")) {
            once = false;
            sim.writeRaw(path, Buffer.from('{"a":1}\n{"a":2}\n{"a":3}\n'));
          }
          return false;
        },
        "EIO",
        { times: "forever" },
      );
    });
    expect(diagnosis.files).toMatchObject([{ changing: true }]);
    expect(reasonsOf(diagnosis).length).toBeLessThanOrEqual(1);
  });
});
