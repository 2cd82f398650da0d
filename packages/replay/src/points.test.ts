import { describe, expect, it } from "vitest";
import type { Boot } from "./offline.ts";
import { PointError } from "./point-error.ts";
import { pointOf, type Places } from "./points.ts";
import { kinds, Rows } from "./rows.ts";

const noon = Date.parse("2026-01-01T12:00:00.000Z");
const boot = (number: number, first: number, last: number, ended: Boot["ended"]): Boot => ({
  boot: number,
  first,
  last,
  at: noon,
  lastAt: noon,
  pid: 1,
  host: "h",
  engine: "0.1.0",
  ended,
});

/** Ten records, a minute apart; @5 is lost, the clock steps back at @8, @9 and @10 are of the same instant. */
const places: Places = {
  log: { base: undefined, last: 10, gaps: [] },
  boots: [boot(1, 1, 4, "clean"), boot(2, 6, 10, "not closed")],
  marks: [{ sequence: 7, name: "suspect", text: undefined }],
  rows: new Rows(),
};
const minutes = [1, 2, 3, 4, 6, 7].map((n) => [n, n] as const);
for (const [sequence, minute] of [...minutes, [8, 1.5], [9, 10], [10, 10]] as const) {
  const nothing = { entity: 0, n: 0, type: 0, actor: 0, fields: 0, startBytes: 0, bytes: 0 };
  places.rows.add({ ...nothing, sequence, at: noon + minute * 60_000, kind: kinds.none });
}

describe("a point", () => {
  it.each([
    ["0", 0],
    ["@0", 0],
    ["7", 7],
    ["@5", 5],
    ["@first", 1],
    ["@last", 10],
    ["HEAD", 10],
    ["HEAD~3", 7],
    ["7^", 6],
    ["7^^~2", 3],
    ["2026-01-01T12:02:30Z", 8],
    ["2026-01-01T12:04", 8],
    ["12:06", 8],
    ["12:07:00", 8],
    ["2026-01-01T11:00:00Z", 0],
    ["2027-01-01", 10],
    ["-1m", 8],
    ["9 minutes ago", 1],
    ["0s ago", 10],
    ["boot:1", 1],
    ["boot:1/end", 4],
    ["boot:-1", 6],
    ["boot:2/end", 10],
    ["boot:2^", 5],
    ["close", 4],
    ["mark:suspect", 7],
    [" @7\r\n", 7],
  ])("%j is @%i", (text, sequence) => {
    expect(pointOf(text, places)).toBe(sequence);
  });

  it.each([
    "",
    "@",
    "11",
    "@0^",
    "-1",
    "boot:0",
    "boot:3",
    "boot:-3",
    "mark:",
    "mark:x",
    "5 minutes",
    "12:99",
    "1e3",
    "@1.5",
    "__proto__",
  ])("%j is refused", (text) => {
    expect(() => pointOf(text, places)).toThrow(PointError);
  });

  it("below what is kept is refused, and @first is the base", () => {
    const pruned: Places = {
      ...places,
      log: { base: { name: "state.json", sequence: 3 }, last: 10, gaps: [] },
    };
    expect(pointOf("@first", pruned)).toBe(3);
    expect(() => pointOf("2", pruned)).toThrow("the log has @3 to @10");
  });
});
