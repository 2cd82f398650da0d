import {
  createEventStreamReader,
  readAgentApiEvent,
  type StreamEvent,
} from "@taskwal/agentapi-bridge";
import { describe, expect, it } from "vitest";

import { capture, capturesOf, captureText, chunksOf } from "./agentapi-captures.ts";

const streams = capturesOf(".sse");

/** As the program frames them, and no more: read without our reader. */
const framed = (text: string): readonly StreamEvent[] =>
  text
    .split("\n\n")
    .filter((part) => part !== "")
    .map((part) => {
      const [, event = "", data = ""] = /^event: (.*)\ndata: (.*)$/.exec(part) ?? [];
      return { kind: "event", event, data };
    });

/** Compared by hand: one comparison for each byte of each stream. */
const areSame = (some: readonly StreamEvent[], others: readonly StreamEvent[]): boolean =>
  some.length === others.length &&
  some.every((one, index) => {
    const other = others[index];
    return (
      one.kind === "event" &&
      other?.kind === "event" &&
      one.event === other.event &&
      one.data === other.data
    );
  });

describe("a captured stream of events", () => {
  it("is there, from three versions and every kind of start", () => {
    expect(streams.length).toBe(27);
    for (const name of streams) expect(framed(captureText(name)).length).toBeGreaterThan(0);
  });

  it.each(streams)("gives its events in the pieces in which it came: %s", (name) => {
    const { push } = createEventStreamReader();
    const chunks = chunksOf(name);
    expect(Buffer.concat(chunks)).toEqual(capture(name));
    expect(chunks.flatMap((chunk) => push(chunk))).toEqual(framed(captureText(name)));
  });

  it.each(streams)("gives the same events wherever it is split in two: %s", (name) => {
    const bytes = capture(name);
    const expected = framed(captureText(name));
    const differing: number[] = [];
    for (let split = 0; split <= bytes.length; split += 1) {
      const { push } = createEventStreamReader();
      const events = push(bytes.subarray(0, split)).concat(push(bytes.subarray(split)));
      if (!areSame(events, expected)) differing.push(split);
    }
    expect(differing).toEqual([]);
  });

  it.each(streams)("gives the same events byte by byte: %s", (name) => {
    const { push } = createEventStreamReader();
    const events = [...capture(name)].flatMap((byte) => push(Uint8Array.of(byte)));
    expect(events).toEqual(framed(captureText(name)));
  });

  it.each(streams)("has no event that we do not know: %s", (name) => {
    const { push } = createEventStreamReader();
    const kinds = push(capture(name)).map((event) =>
      event.kind === "event" ? readAgentApiEvent(event) : event,
    );
    expect(
      kinds.filter(({ kind }) => !/^(message_update|status_change|agent_error)$/.test(kind)),
    ).toEqual([]);
    expect(kinds.some(({ kind }) => kind === "status_change")).toBe(true);
  });
});
