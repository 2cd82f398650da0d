import { describe, expect, it } from "vitest";

import { asStored, becomes, goTime, isLater } from "./command-match.ts";
import type { JournalCommand } from "./journal-model.ts";

const command = (id: string, outcome: JournalCommand["outcome"], rest = {}): JournalCommand => ({
  id,
  text: "go",
  afterId: 0,
  outcome,
  ...rest,
});

describe("a message of a user", () => {
  it("is the command that is being sent, before one that was accepted, before one of which nobody knows", () => {
    const all = [command("1", "indeterminate"), command("2", "accepted"), command("3", "pending")];
    expect(becomes(all, 1, "go")?.id).toBe("3");
    expect(becomes(all.slice(0, 2), 1, "go")?.id).toBe("2");
    expect(becomes(all.slice(0, 1), 1, "go")?.id).toBe("1");
  });

  it("is no command that was rejected, that was seen already, that came after it, or that says something else", () => {
    const none = [
      command("1", "rejected"),
      command("2", "accepted", { messageId: 1 }),
      command("3", "pending", { afterId: 5 }),
      command("4", "pending", { text: "stop" }),
    ];
    expect(becomes(none, 5, "go")).toBeUndefined();
  });

  it("is the oldest of commands that are alike", () => {
    const all = [command("1", "indeterminate"), command("2", "indeterminate")];
    expect(becomes(all, 1, "go")?.id).toBe("1");
  });

  it.each([
    ["the white space around it", "\u0085 \u00A0\u2028go\n", "go"],
    ["half of a surrogate pair", "a\uD83D", "a\uFFFD"],
    ["a whole pair", "a\u{1F44D} ", "a\u{1F44D}"],
    ["a byte order mark, which Go does not count as white", "\uFEFFgo", "\uFEFFgo"],
    ["nothing but white space", " \n ", ""],
  ])("is stored as agentapi stores it: %s", (_, sent, stored) => {
    expect(asStored(sent)).toBe(stored);
    expect(becomes([command("1", "pending", { text: sent })], 1, stored)?.id).toBe("1");
  });

  it("with 100,000 empty lines in it is compared in a moment", () => {
    const text = `a${"\n".repeat(100_000)}b`;
    expect(becomes([command("1", "pending", { text })], 1, text)?.id).toBe("1");
  });
});

describe("a time", () => {
  it("that is made here is as agentapi writes it when it has read it", () => {
    const times = [0, 1, 10, 100, 120, 999].map((ms) =>
      goTime(Date.UTC(2026, 0, 10, 20, 30, 0) + ms),
    );
    expect(times).toEqual(
      ["", ".001", ".01", ".1", ".12", ".999"].map((fraction) => `2026-01-10T20:30:00${fraction}Z`),
    );
  });

  it("is compared to its ninth digit, and across time zones", () => {
    expect(isLater("2026-01-10T20:30:00.000000002Z", "2026-01-10T20:30:00.000000001Z")).toBe(true);
    expect(isLater("2026-01-10T20:30:00.5Z", "2026-01-10T20:30:00.500000001Z")).toBe(false);
    expect(isLater("2026-01-10T20:30:00.1Z", "2026-01-10T20:30:00.1Z")).toBe(false);
    expect(isLater("2026-01-10T20:30:01+01:00", "2026-01-10T20:30:00Z")).toBe(false);
  });
});
