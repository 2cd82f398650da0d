import { describe, expect, it } from "vitest";

import { judgeCheckpoint } from "./checkpoint-verdict.ts";
import type { ComparedMessage } from "./checkpoint-verdict.ts";

/** a, b: the agent says one thing or another; u, v: so does the user. A conversation is a word. */
const message = (letter: string): ComparedMessage => ({
  role: "ab".includes(letter) ? "agent" : "user",
  message: "av".includes(letter) ? "one" : "other",
});
const messages = (word: string): readonly ComparedMessage[] => Array.from(word, message);

const words = (lengthMax: number): readonly string[] =>
  lengthMax === 0
    ? [""]
    : ["", ...words(lengthMax - 1).flatMap((word) => Array.from("abuv", (each) => word + each))];

const idsOf = (word: string, from: number): readonly number[] =>
  Array.from(word, (_, id) => id).slice(from);

/** The table of the module's header, said with words instead of a loop. */
const expected = (file: string, committed: string, hasOpenMessage: boolean) => {
  if (!committed.startsWith(file) && !file.startsWith(committed)) {
    const firstId = Array.from(file).findIndex((letter, id) => letter !== committed[id]);
    return { verdict: "diverged", firstId };
  }
  if (file.length < committed.length) {
    return { verdict: "behind", missingIds: idsOf(committed, file.length) };
  }
  const rest = file.slice(committed.length);
  if (!hasOpenMessage) {
    return rest === ""
      ? { verdict: "verified" }
      : { verdict: "ahead", extraIds: idsOf(file, committed.length) };
  }
  if (/^[ab]?$/.test(rest)) return { verdict: "verified" };
  return /^[ab]/.test(rest)
    ? { verdict: "ahead", extraIds: idsOf(file, committed.length + 1) }
    : { verdict: "diverged", firstId: committed.length };
};

describe("the verdict on a checkpoint", () => {
  it("is that of the table, for all files and journals of up to four messages", () => {
    const all = [...new Set(words(4))];
    const counts: Record<string, number> = {};
    for (const file of all) {
      for (const committed of all) {
        for (const hasOpenMessage of [false, true]) {
          const journal = { committed: messages(committed), hasOpenMessage };
          const found = judgeCheckpoint(messages(file), journal);
          const wanted = expected(file, committed, hasOpenMessage);
          if (JSON.stringify(found) !== JSON.stringify(wanted)) {
            expect.fail(JSON.stringify({ file, committed, hasOpenMessage, found, wanted }));
          }
          counts[found.verdict] = (counts[found.verdict] ?? 0) + 1;
        }
      }
    }
    expect(all.length).toBe(341);
    expect(Object.keys(counts).sort()).toEqual(["ahead", "behind", "diverged", "verified"]);
  });

  it("names the message that a clean save left out", () => {
    const committed = messages("aua").concat({ role: "user", message: "accepted, then SIGTERM" });
    expect(judgeCheckpoint(messages("aua"), { committed, hasOpenMessage: false })).toEqual({
      verdict: "behind",
      missingIds: [3],
    });
  });

  it("takes the boot screen that replaced a conversation for another one", () => {
    const boot: ComparedMessage[] = [{ role: "agent", message: "loading…" }];
    expect(judgeCheckpoint(boot, { committed: messages("aua"), hasOpenMessage: false })).toEqual({
      verdict: "diverged",
      firstId: 0,
    });
  });

  it("compares raw texts: trailing spaces count", () => {
    const committed: ComparedMessage[] = [{ role: "agent", message: "x " }];
    const file: ComparedMessage[] = [{ role: "agent", message: "x" }];
    expect(judgeCheckpoint(file, { committed, hasOpenMessage: false }).verdict).toBe("diverged");
  });
});
