import { spawnSync } from "node:child_process";
import { describe, expect, it } from "vitest";

import { buildLogSnapshot } from "./log-snapshot.ts";

const conversation = (...contents: readonly string[]) => ({
  $schema: "http://localhost:3284/schemas/MessagesResponseBody.json",
  messages: contents.map((content, id) => ({ id, content, role: "agent" })),
});
const build = (...contents: readonly string[]) =>
  buildLogSnapshot(conversation(...contents), { compat: "registry" });

const sent = (...contents: readonly string[]) => {
  const snapshot = build(...contents);
  if (snapshot.outcome !== "snapshot") throw new Error(snapshot.outcome);
  const payload = JSON.parse(new TextDecoder().decode(snapshot.body)) as ReturnType<
    typeof conversation
  >;
  return { ...snapshot, payload, contents: payload.messages.map(({ content }) => content) };
};

describe("the snapshot of the registry's script", () => {
  it("is the last ten, indented, with the other fields of the answer", () => {
    const { payload, body } = sent(...Array.from({ length: 15 }, (_, id) => `Message ${id + 1}`));
    expect(payload.messages.map(({ content }) => content)).toEqual(
      Array.from({ length: 10 }, (_, id) => `Message ${id + 6}`),
    );
    expect(payload.$schema).toContain("MessagesResponseBody");
    expect(new TextDecoder().decode(body)).toBe(`${JSON.stringify(payload, null, 2)}\n`);
  });

  it("has 57,390 characters of a message of 70,000", () => {
    const { contents, cutIds } = sent("x".repeat(70_000));
    expect(contents[0]?.length).toBe(57_390);
    expect(contents[0]?.startsWith("[...content truncated, showing last 56KB...]\n\nxxx")).toBe(
      true,
    );
    expect(cutIds).toEqual([0]);
  });

  it("gives up on 57,344 × é and on 60,000 newlines", () => {
    // Nothing to cut: as many characters as it may have.
    const bytesWithout = sent("").body.length;
    expect(build("é".repeat(57_344))).toEqual({
      outcome: "gave-up",
      bytes: bytesWithout + 2 * 57_344,
    });
    expect(build("\n".repeat(60_000)).outcome).toBe("gave-up");
  });

  it("drops a long answer before a short thanks, and a question before a long answer", () => {
    expect(sent("A".repeat(70_000), "thanks").contents).toEqual(["thanks"]);
    const { contents } = sent("q", "B".repeat(70_000));
    expect(contents.length).toBe(1);
    expect(contents[0]).toMatch(/^\[\.\.\.content truncated/);
  });

  it("is sent at just 65,536 bytes, and at one more the oldest is dropped", () => {
    const bytesWithout = sent("", "").body.length;
    expect(sent("x".repeat(65_536 - bytesWithout), "").contents.length).toBe(2);
    expect(sent("x".repeat(65_537 - bytesWithout), "").contents.length).toBe(1);
  });

  const hasJq = spawnSync("jq", ["--version"]).status === 0;
  it.skipIf(!hasJq)("is what jq itself prints, for texts of every kind", () => {
    const texts = [
      "plain",
      '"\\/\b\f\n\r\t',
      "\0\u0001\u001F\x7F\u0080",
      "é漢😀",
      "\u2028\u2029",
      "<>&'",
      "\\ud83d",
    ];
    const payload = conversation(...texts);
    const { status, stdout } = spawnSync("jq", [".messages |= .[-10:]"], {
      input: JSON.stringify(payload),
      encoding: "utf8",
    });
    expect(status).toBe(0);
    const snapshot = buildLogSnapshot(payload, { compat: "registry" });
    expect(snapshot.outcome === "snapshot" && new TextDecoder().decode(snapshot.body)).toBe(stdout);
  });

  it("has U+FFFD for half a surrogate pair, which agentapi never sends, and leaves its spelling alone", () => {
    const texts = ["\uD83D", "a\uDE00b", "\\\uD83D", "\uD83D\uD83D\uDE00", "\\ud83d"];
    expect(sent(...texts).contents).toEqual([
      "\uFFFD",
      "a\uFFFDb",
      "\\\uFFFD",
      "\uFFFD😀",
      "\\ud83d",
    ]);
  });
});
