import { describe, expect, test } from "vitest";

import { bestOf } from "./best-of.ts";
import type { TaskCopy } from "./task-copy.ts";

const copy = (
  file: string,
  updatedAt: number,
  logs: unknown[],
  parts: Partial<TaskCopy> = {},
): TaskCopy => ({
  id: "1",
  fields: { status: file },
  logs,
  whole: true,
  file,
  updatedAt,
  notes: [],
  ...parts,
});

describe("the best of several copies", () => {
  test("takes the fields of the newest whole copy; on a tie the first file wins", () => {
    expect(
      bestOf([copy("task", 5, []), copy("state", 5, []), copy("backup", 4, [])]).fields,
    ).toEqual({
      status: "task",
    });
    expect(bestOf([copy("task", 5, []), copy("state", 6, [])]).fields).toEqual({ status: "state" });
  });

  test("where a time is not known, trusts the first file", () => {
    expect(bestOf([copy("task", -Infinity, []), copy("state", 6, [])]).fields).toEqual({
      status: "task",
    });
  });

  test("takes a longer log that goes on from that of the newest copy, even from an older one", () => {
    const best = bestOf([copy("task", 5, ["a"]), copy("state", 4, ["a", "b"])]);
    expect(best).toMatchObject({ logs: ["a", "b"], partial: false, contradicting: [] });
    expect(best.sources.map(({ file }) => file)).toEqual(["task", "state"]);
  });

  test("never splices a log that contradicts: the newest copy's stays, and the other is named", () => {
    const best = bestOf([copy("task", 5, ["x"]), copy("state", 4, ["a", "b"])]);
    expect(best.logs).toEqual(["x"]);
    expect(best.contradicting).toMatchObject([{ copy: { file: "state" }, entry: 0 }]);
  });

  test("adds to a whole copy what a newer cut one proves, and says that it is partial", () => {
    const cut = copy("task", 6, ["a", "b"], { whole: false, fields: { status: "completed" } });
    const whole = copy("state", 5, ["a"], { fields: { status: "in_progress", started_at: "t" } });
    expect(bestOf([cut, whole])).toMatchObject({
      fields: { status: "completed", started_at: "t" },
      logs: ["a", "b"],
      partial: true,
    });
  });

  test("takes nothing from a cut copy that is older", () => {
    const cut = copy("task", 4, ["a"], { whole: false, fields: { status: "pending" } });
    expect(bestOf([cut, copy("state", 5, ["a", "b"])])).toMatchObject({
      fields: { status: "state" },
      partial: false,
    });
  });

  test("takes a cut copy if there is no other", () => {
    expect(bestOf([copy("task", 4, ["a"], { whole: false })])).toMatchObject({
      logs: ["a"],
      partial: true,
    });
  });
});
