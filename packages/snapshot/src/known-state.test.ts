import { describe, expect, it } from "vitest";
import { currentState, isSameState, noteReplacement, type KnownState } from "./known-state.ts";
import { createWorld } from "./sample-snapshot.test.ts";

const state = (changes: Partial<KnownState> = {}): KnownState => ({
  inode: "1:7",
  sizeBytes: 10,
  modified: "100",
  ...changes,
});

describe("a file", () => {
  it("is the same only by its inode, its size and its time", () => {
    expect(isSameState(state(), state())).toBe(true);
    for (const change of [{ inode: "1:8" }, { sizeBytes: 11 }, { modified: "101" }]) {
      expect(isSameState(state(), state(change)), JSON.stringify(change)).toBe(false);
    }
  });
});

describe("who knows a state.json", () => {
  it("knows what took its place, in this directory, and of no other", async () => {
    const { directory } = await createWorld();
    const other = (await createWorld()).directory;
    const [old, now, edited] = [state(), state({ inode: "1:9" }), state({ modified: "500" })];
    expect(currentState(directory, old)).toBe(old);
    noteReplacement(directory, old, now);
    expect(currentState(directory, state())).toBe(now);
    expect(currentState(directory, edited)).toBe(edited);
    expect(currentState(directory, undefined)).toBeUndefined();
    expect(currentState(other, old)).toBe(old);
  });

  it("learns nothing where nothing was known", async () => {
    const { directory } = await createWorld();
    noteReplacement(directory, undefined, state());
    expect(currentState(directory, state({ inode: "1:9" }))).toEqual(state({ inode: "1:9" }));
  });
});
