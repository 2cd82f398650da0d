import { describe, expect, it } from "vitest";

import { createWorld } from "./sample-snapshot.test.ts";
import { currentState, isSameState, noteReplacement, type KnownState } from "./known-state.ts";

const known: KnownState = { inode: "sim:7", sizeBytes: 500, modified: "12" };

describe("the identity of state.json", () => {
  it("is another one if any single thing that the system tells of the file is another", () => {
    expect(isSameState(known, { ...known })).toBe(true);
    for (const change of [{ inode: "sim:8" }, { sizeBytes: 501 }, { modified: "13" }]) {
      expect(isSameState(known, { ...known, ...change })).toBe(false);
      expect(isSameState({ ...known, ...change }, known)).toBe(false);
    }
  });

  it("is what the caller knows, unless that was replaced by this process in this directory", async () => {
    const [{ directory }, other] = [await createWorld(), await createWorld()];
    const [to, stranger] = [
      { ...known, inode: "sim:8" },
      { ...known, inode: "sim:9" },
    ];
    expect(currentState(directory, known)).toEqual(known);
    noteReplacement(directory, known, to);
    expect(currentState(directory, known)).toEqual(to);
    expect(currentState(directory, stranger)).toEqual(stranger);
    expect(currentState(directory, undefined)).toBeUndefined();
    expect(currentState(other.directory, known)).toEqual(known);
  });
});
