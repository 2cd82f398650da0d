import { describe, expect, it } from "vitest";
import { mayFollow, unfinished, type Member } from "./transaction.ts";

const members: readonly Member[] = [undefined, [1, 2], [2, 2], [1, 3], [2, 3], [3, 3]];

describe("behind a record", () => {
  it("whose transaction goes on stands its next member, and no other", () => {
    const next = new Map<string, Member>([
      ["1,2", [2, 2]],
      ["1,3", [2, 3]],
      ["2,3", [3, 3]],
    ]);
    for (const before of members.filter((one) => unfinished(one) > 0)) {
      const may = members.filter((member) => mayFollow(before, member));
      expect(may, String(before)).toEqual([next.get(String(before))]);
    }
  });

  it("that ends its transaction or has none, or behind none, one begins or has none", () => {
    for (const before of members.filter((one) => unfinished(one) === 0)) {
      const may = members.filter((member) => mayFollow(before, member));
      expect(may, String(before)).toEqual([undefined, [1, 2], [1, 3]]);
    }
  });

  it("are counted the members of a transaction that is not at its end", () => {
    expect(members.map(unfinished)).toEqual([0, 1, 0, 1, 2, 0]);
  });
});
