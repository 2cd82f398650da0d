import { readFileSync } from "node:fs";

import { describe, expect, test } from "vitest";

import { sourceOf } from "./legacy-source.ts";

const root = new URL("../../../test/fixtures/systemprompt/", import.meta.url);
const read = (name: string): Buffer => readFileSync(new URL(name, root));

const id = "3b08b364-4616-4ccf-89b4-eb8f0ac8faa4";
const taskFile = `tasks/${id}.json`;
const taskBytes = read(`healthy/${taskFile}`);
interface Original {
  readonly id: string;
  readonly logs: unknown[];
  readonly [key: string]: unknown;
}
const original = JSON.parse(taskBytes.toString("utf8")) as Original;
const stateBytes = read("odd/task-zero-bytes/state.json");
const originals = (JSON.parse(stateBytes.toString("utf8")) as { tasks: Original[] }).tasks;

describe("a task file that is cut", () => {
  test("at every one of its bytes gives only what the whole file has, and never throws", () => {
    let mostLogs = 0;
    for (let length = 0; length < taskBytes.length; length += 1) {
      const { copies, problems } = sourceOf(taskFile, "task", taskBytes.subarray(0, length));
      expect(problems, `${length} bytes`).toHaveLength(1);
      expect(problems[0]?.kind).toBe(length === 0 ? "empty-file" : "cut");
      for (const copy of copies) {
        expect(copy).toMatchObject({ id, whole: false });
        expect(original).toMatchObject(copy.fields);
        expect(copy.logs).toEqual(original.logs.slice(0, copy.logs.length));
        expect(copy.logs.length).toBeGreaterThanOrEqual(mostLogs);
        mostLogs = copy.logs.length;
      }
    }
    expect(mostLogs).toBe(original.logs.length);
  });

  test("at byte n says so, and how much of it could be read", () => {
    const { problems } = sourceOf(taskFile, "task", taskBytes.subarray(0, 1_040));
    expect(problems).toEqual([
      {
        file: taskFile,
        kind: "cut",
        reason: "cut at byte 1040 inside a string",
        startBytes: 1_040,
        recovered: "6 fields and 2 log entries",
      },
    ]);
  });
});

describe("a snapshot that is cut", () => {
  test("at every one of its bytes gives its complete tasks, and the last one as cut", () => {
    for (let length = 0; length < stateBytes.length; length += 1) {
      const { copies } = sourceOf("state.json", "snapshot", stateBytes.subarray(0, length));
      for (const [index, copy] of copies.entries()) {
        const whole = originals[index];
        expect(copy.id).toBe(whole?.id);
        if (copy.whole) expect({ ...copy.fields, logs: copy.logs }).toEqual(whole);
        else {
          expect(index).toBe(copies.length - 1);
          expect(whole).toMatchObject(copy.fields);
          expect(whole?.logs.slice(0, copy.logs.length)).toEqual(copy.logs);
        }
      }
    }
    const atLeast = stateBytes.indexOf(`"sessions"`);
    expect(sourceOf("state.json", "snapshot", stateBytes.subarray(0, atLeast)).copies).toHaveLength(
      3,
    );
  });
});

describe("a file with other damage", () => {
  test("a hole of NUL bytes at any place is named with its bytes and never throws", () => {
    for (let start = 0; start < taskBytes.length - 64; start += 7) {
      const bytes = Buffer.from(taskBytes).fill(0, start, start + 64);
      const { copies, problems } = sourceOf(taskFile, "task", bytes);
      const kinds = problems.map(({ kind }) => kind);
      expect(kinds, `hole at ${start}`).toContain("nul-hole");
      for (const copy of copies) expect(original).toMatchObject(copy.fields);
    }
  });

  test("any single changed byte never throws, and gives at most this one task", () => {
    for (let position = 0; position < taskBytes.length; position += 1) {
      for (const byte of [0x00, 0x22, 0x7b, 0xff]) {
        const bytes = Buffer.from(taskBytes);
        bytes[position] = byte;
        expect(sourceOf(taskFile, "task", bytes).copies.length).toBeLessThanOrEqual(1);
      }
    }
  });

  test("a file whose first half was never written names the hole, and makes nothing up", () => {
    const bytes = Buffer.concat([Buffer.alloc(524_288), read("task-file-with-hole.tail")]);
    const { copies, problems } = sourceOf(taskFile, "task", bytes);
    expect(copies).toEqual([]);
    expect(problems).toMatchObject([{ kind: "nul-hole", startBytes: 0, recovered: "nothing" }]);
    expect(problems[0]?.reason).toBe(
      "NUL bytes from 0 to 524288, with 31656 unreadable bytes behind them",
    );
  });

  test("a whole task with a stale tail is the whole task", () => {
    const bytes = Buffer.concat([taskBytes, taskBytes.subarray(-700)]);
    const { copies, problems } = sourceOf(taskFile, "task", bytes);
    expect(copies).toMatchObject([{ id, whole: true }]);
    expect(problems).toMatchObject([{ kind: "stale-tail", startBytes: taskBytes.length }]);
  });

  test("a task nested too deep in a snapshot loses the same field as in its own file", () => {
    const bytes = read(`odd/task-deep-nesting-20000/${taskFile}`);
    const snapshot = Buffer.concat([Buffer.from(`{"tasks":[`), bytes, Buffer.from(`]}`)]);
    const [alone] = sourceOf(taskFile, "task", bytes).copies;
    const [among] = sourceOf("state.json", "snapshot", snapshot).copies;
    expect(among?.logs).toEqual(alone?.logs);
    expect(among?.fields).toEqual(alone?.fields);
  });

  test("UTF-16 in either order, with a mark or without, reads as UTF-8 does", () => {
    const little = Buffer.from(taskBytes.toString("utf8"), "utf16le");
    const big = Buffer.from(little).swap16();
    const marked = [Buffer.from([0xff, 0xfe]), Buffer.from([0xfe, 0xff])] as const;
    const files = [
      little,
      big,
      Buffer.concat([marked[0], little]),
      Buffer.concat([marked[1], big]),
    ];
    for (const bytes of files) {
      const { copies, problems } = sourceOf(taskFile, "task", bytes);
      expect(copies.map(({ fields, logs }) => ({ ...fields, logs }))).toEqual([original]);
      expect(problems.map(({ kind }) => kind)).toEqual(["utf-16"]);
    }
  });
});
