import { expect, it } from "vitest";
import { redactionOf } from "./redaction.ts";

it("a payload of a type that the model does not know is of the kind that the type begins with", () => {
  const { payload } = redactionOf(["task.text"]);
  const record = { entity: undefined, type: "task.commented", data: { text: "x", by: "y" } };
  expect(payload(record)).toEqual({ text: "[redacted]", by: "y" });
  expect(payload({ ...record, type: "$mark" })).toEqual(record.data);
});

it("a path ends where a redacted field begins: names below it are part of what it holds", () => {
  const { path } = redactionOf(["task.metadata", "task.logs.data"]);
  expect(path("task", ["metadata", "a@b.example", "on"])).toEqual(["metadata"]);
  expect(path("task", ["logs", 3, "data", "x"])).toEqual(["logs", 3, "data"]);
  expect(path("task", ["logs", 3, "level"])).toEqual(["logs", 3, "level"]);
  expect(path("session", ["metadata", "x"])).toEqual(["metadata", "x"]);
});
