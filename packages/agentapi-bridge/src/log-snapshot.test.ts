import { array, assert, constantFrom, property, tuple } from "fast-check";
import { describe, expect, it } from "vitest";

import { buildLogSnapshot } from "./log-snapshot.ts";
import type { SnapshotMessage } from "./snapshot-message.ts";

const bytesMax = 65_536;
const time = "2026-01-01T00:00:00Z";
const conversation = (...contents: readonly string[]) => ({
  messages: contents.map((content, id) => ({
    id,
    content,
    role: id % 2 === 0 ? "agent" : "user",
    time,
  })),
});

/** What was sent, decoded as a server would; the promises that hold for all of them are looked at here. */
const sent = (payload: { readonly messages: readonly SnapshotMessage[] }) => {
  const snapshot = buildLogSnapshot(payload);
  if (snapshot.outcome !== "snapshot") throw new Error(snapshot.outcome);
  expect(snapshot.body.length).toBeLessThanOrEqual(bytesMax);
  const text = new TextDecoder("utf-8", { fatal: true }).decode(snapshot.body);
  const { messages } = JSON.parse(text) as { messages: SnapshotMessage[] };
  expect(messages.length).toBe(Math.min(10, payload.messages.length));
  expect(snapshot.messageCount).toBe(messages.length);
  for (const [index, original] of payload.messages.slice(-10).entries()) {
    const message = messages[index];
    expect(message?.id).toBe(original.id);
    if (original.content !== "") expect(message?.content).not.toBe("");
    const isCut = message?.content !== original.content;
    expect(snapshot.cutIds.includes(original.id)).toBe(isCut);
    if (isCut) expect(message?.content).toContain("[...content truncated, ");
  }
  return { ...snapshot, messages, contents: messages.map(({ content }) => content) };
};

describe("the snapshot of a log", () => {
  it("is the last ten messages as they are, where they fit", () => {
    const payload = conversation(...Array.from({ length: 15 }, (_, id) => `Message ${id + 1}`));
    const { messages, cutIds } = sent(payload);
    expect(messages).toEqual(payload.messages.slice(5));
    expect(cutIds).toEqual([]);
  });

  it("is not made where there is no message", () => {
    expect(buildLogSnapshot({ messages: [] })).toEqual({ outcome: "empty" });
    expect(buildLogSnapshot({ messages: [] }, { compat: "registry" })).toEqual({
      outcome: "empty",
    });
  });

  it("hands on fields that it does not know, unless they would displace the conversation", () => {
    const small = { id: 1, content: "Hello", type: "output" };
    expect(sent({ messages: [small] }).messages).toEqual([small]);
    const large = { id: 1, content: "Hello", role: "agent", time, blob: "x".repeat(100_000) };
    expect(sent({ messages: [large] }).messages).toEqual([
      { id: 1, content: "Hello", role: "agent", time },
    ]);
  });

  it.each<[string, string]>([
    ["57,344 × é, where the registry gives up", "é".repeat(57_344)],
    ["60,000 newlines, where the registry gives up", "\n".repeat(60_000)],
    ["70,000 × x", "x".repeat(70_000)],
    ["30,000 control characters", "\u0001".repeat(30_000)],
    ["30,000 halves of pairs", "\uD83D".repeat(30_000)],
    ["30,000 pairs", "😀".repeat(30_000)],
    ["30,001 units: pairs, shifted by one", `x${"😀".repeat(30_000)}`],
  ])("of one message is nearly as long as it may be: %s", (_, content) => {
    const { body, contents, cutIds } = sent(conversation(content));
    expect(cutIds).toEqual([0]);
    expect(body.length).toBeGreaterThan(bytesMax - 32);
    const [head = "", tail = ""] = (contents[0] ?? "").split(
      /\n\[\.\.\.content truncated, \d+ characters left out\.\.\.\]\n/,
    );
    expect(content.startsWith(head)).toBe(true);
    expect(content.endsWith(tail)).toBe(true);
    expect(tail.length).toBeGreaterThan(head.length * 2);
    expect(tail.length).toBeLessThan(head.length * 4);
  });

  it("never parts a pair, at every shift of the cut", () => {
    for (let shift = 0; shift < 16; shift += 1) {
      const { contents } = sent(
        conversation("x".repeat(shift) + "😀".repeat(20_000) + "y".repeat(shift)),
      );
      expect(contents[0]).not.toMatch(
        /[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/,
      );
    }
  });

  it("says how many characters it left out", () => {
    const content = "0123456789".repeat(10_000);
    const [cut = ""] = sent(conversation(content)).contents;
    const [marker = "", count = ""] =
      /\n\[\.\.\.content truncated, (\d+) characters left out\.\.\.\]\n/.exec(cut) ?? [];
    expect(cut.length - marker.length + Number(count)).toBe(content.length);
  });

  it("keeps a long answer before a short thanks, and a short question before a long answer", () => {
    const thanked = sent(conversation("A".repeat(70_000), "thanks"));
    expect(thanked.contents[1]).toBe("thanks");
    expect(thanked.contents[0]?.length).toBeGreaterThan(65_000);
    const asked = sent(conversation("q", "B".repeat(70_000)));
    expect(asked.contents[0]).toBe("q");
    expect(asked.contents[1]?.length).toBeGreaterThan(65_000);
  });

  it("cuts the longest of the older ones only, all to the same length, before it cuts the last", () => {
    const { contents, cutIds } = sent(
      conversation("a".repeat(50_000), "b".repeat(100), "c".repeat(40_000), "d".repeat(20_000)),
    );
    expect(cutIds).toEqual([0, 2]);
    const [first = "", , third = ""] = contents;
    expect(Math.abs(first.length - third.length)).toBeLessThan(4);
    expect(first.length).toBeGreaterThan(20_000);
  });

  it("leaves the last message more than 40,000 bytes, whatever came before", () => {
    const long = Array.from({ length: 12 }, (_, index) => String(index % 10).repeat(100_000));
    const { contents } = sent(conversation(...long));
    expect(contents.at(-1)?.length).toBeGreaterThan(40_000);
    for (const content of contents.slice(0, -1)) expect(content.length).toBeGreaterThan(1000);
  });

  it("always holds, for conversations of any texts and sizes", () => {
    const unit = constantFrom("x", "é", "漢", "😀", "\n", "\0", '"', "\uD83D", "\uDE00", "\u2028");
    const piece = tuple(unit, constantFrom(0, 1, 500, 7000, 40_000)).map(([text, count]) =>
      text.repeat(count),
    );
    const content = array(piece, { maxLength: 3 }).map((pieces) => pieces.join(""));
    const seed = Number(process.env["TASKWAL_SEED"] ?? 20_260_101);
    process.stdout.write(`log snapshots: seed ${seed}\n`);
    assert(
      property(array(content, { minLength: 1, maxLength: 12 }), (contents) => {
        sent(conversation(...contents));
      }),
      { seed, numRuns: 200 },
    );
  });
});
