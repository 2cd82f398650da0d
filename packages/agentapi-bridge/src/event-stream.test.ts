import { describe, expect, it } from "vitest";

import { createEventStreamReader } from "./event-stream.ts";
import type { StreamEvent } from "./event-stream.ts";

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const event = (event: string, data: string): StreamEvent => ({ kind: "event", event, data });
const read = (text: string): readonly StreamEvent[] =>
  createEventStreamReader().push(bytesOf(text));

/** The same said of a whole text at once, with none of the reader's means. */
const reference = (text: string): readonly StreamEvent[] => {
  const lines = text.split(/\r\n|\r|\n/).slice(0, -1);
  const events: StreamEvent[] = [];
  let [name, data]: [string, string[]] = ["", []];
  for (const line of lines) {
    const [, field, value] = /^([^:]*):? ?(.*)$/s.exec(line) ?? [];
    if (line === "") {
      if (data.length > 0) events.push(event(name === "" ? "message" : name, data.join("\n")));
      [name, data] = ["", []];
    } else if (field === "data") data.push(value ?? "");
    else if (field === "event") name = value ?? "";
  }
  return events;
};

/** All sequences of the tokens up to a length. */
const sequences = function* (tokens: readonly string[], lengthMax: number): Generator<string> {
  yield "";
  if (lengthMax === 0) return;
  for (const rest of sequences(tokens, lengthMax - 1)) {
    for (const token of tokens) yield token + rest;
  }
};

describe("the reader of an event stream", () => {
  it("gives the same for every text of up to five tokens, wherever it is cut", () => {
    const tokens = ["data:a", "data: 漢", "data", "event: e", ":note", "\n", "\r", "\r\n"];
    let cuts = 0;
    for (const text of new Set(sequences(tokens, 5))) {
      const bytes = bytesOf(text);
      const expected = JSON.stringify(reference(text));
      for (let cut = 0; cut <= bytes.length; cut += 1) {
        const { push } = createEventStreamReader();
        const events = push(bytes.subarray(0, cut)).concat(push(bytes.subarray(cut)));
        // A text that ends in CR is an ended line already, whatever comes: the reference agrees.
        if (JSON.stringify(events) !== expected) expect.fail(JSON.stringify({ text, cut, events }));
        cuts += 1;
      }
    }
    expect(cuts).toBeGreaterThan(100_000);
  });

  it("joins lines of data, keeps all spaces but one, and leaves out comments and unknown fields", () => {
    expect(read("data: a\ndata:  b\ndata\ndata:c: d\n\n")).toEqual([
      event("message", "a\n b\n\nc: d"),
    ]);
    expect(read(":hello\nid: 7\nretry: 1\nfoo: x\nevent: e\ndata: 1\n\n")).toEqual([
      event("e", "1"),
    ]);
  });

  it("gives no event without data, and one whose data is empty", () => {
    expect(read("event: e\n\ndata: x\n\n")).toEqual([event("message", "x")]);
    expect(read("data:\n\n")).toEqual([event("message", "")]);
  });

  it("gives no event that the stream did not end", () => {
    expect(read("data: x\n")).toEqual([]);
    expect(read("data: x")).toEqual([]);
  });

  it("takes a byte order mark at the very beginning only", () => {
    expect(read("\uFEFFdata: x\n\n")).toEqual([event("message", "x")]);
    expect(read("data: x\n\n\uFEFFdata: y\n\n")).toEqual([event("message", "x")]);
  });

  it("takes CR and LF for one end of a line, with an empty piece between them too", () => {
    const { push } = createEventStreamReader();
    expect(push(bytesOf("data: x\r"))).toEqual([]);
    expect(push(bytesOf(""))).toEqual([]);
    expect(push(bytesOf("\ndata: y\r\n\r"))).toEqual([event("message", "x\ny")]);
  });

  it("does not keep the bytes that it was given", () => {
    const { push } = createEventStreamReader();
    const reused = bytesOf("data: xy");
    push(reused);
    reused.fill(0x7a);
    expect(push(bytesOf("\n\n"))).toEqual([event("message", "xy")]);
  });

  it("tells an event that is too long, without its data, and goes on with the next", () => {
    const long = `data: ${"x".repeat(100)}`;
    const text = `event: e\n${long}\ndata: more\n\ndata: next\n\n`;
    const bytes = "event: e".length + long.length + "data: more".length;
    for (let pieceBytes = 1; pieceBytes <= text.length; pieceBytes += 1) {
      const { push } = createEventStreamReader({ eventBytesMax: 64 });
      const events: StreamEvent[] = [];
      for (let start = 0; start < text.length; start += pieceBytes) {
        events.push(...push(bytesOf(text.slice(start, start + pieceBytes))));
      }
      expect(events).toEqual([{ kind: "oversized", bytes }, event("message", "next")]);
    }
  });

  it("takes an event of just the most bytes, in one line or in many", () => {
    const text = "data: 3456\ndata:6\n\n";
    const bytes = "data: 3456data:6".length;
    const at = (eventBytesMax: number) =>
      createEventStreamReader({ eventBytesMax }).push(bytesOf(text));
    expect(at(bytes)).toEqual([event("message", "3456\n6")]);
    expect(at(bytes - 1)).toEqual([{ kind: "oversized", bytes }]);
  });

  it("holds no more than the most bytes of an event, however long it goes on", () => {
    const { push } = createEventStreamReader({ eventBytesMax: 1_000_000 });
    const piece = new Uint8Array(1_000_000).fill(0x78);
    const before = process.memoryUsage().arrayBuffers;
    for (let count = 0; count < 200; count += 1) expect(push(piece)).toEqual([]);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(20_000_000);
    expect(push(bytesOf("\n\n"))).toEqual([{ kind: "oversized", bytes: 200_000_000 }]);
  });
});
