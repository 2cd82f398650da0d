import { LineBuffer, limits } from "@taskwal/format";
import { describe, expect, it } from "vitest";

import { encodeBatch } from "./encode-batch.ts";
import { entry } from "./sample-log.test.ts";
import type { LogEntry } from "./writer-options.ts";

const facts = { last: 0, lastCrc: "00000000", durable: 0, salt: 1 };

const withPayload = (sizeBytes: number): LogEntry => ({
  ...entry("a"),
  dataJson: JSON.stringify("x".repeat(sizeBytes - 2)),
});

describe("a line", () => {
  it("vouches for what was durable before its batch, and for nothing that was only written", () => {
    const encoded = encodeBatch(
      [entry("a"), entry("b")],
      { ...facts, last: 7, durable: 4 },
      new LineBuffer(),
    );
    const text = Buffer.from(encoded.bytes).toString();
    const said = [...text.matchAll(/"seq":(\d+),"lag":(\d+)/g)].map(([, seq, lag]) => [seq, lag]);
    expect(said).toEqual([
      ["8", "4"],
      ["9", "5"],
    ]);
  });

  it("is encoded up to the length that a reader believes, each by itself, and not a byte longer", () => {
    const lines = new LineBuffer();
    const aroundBytes = encodeBatch([withPayload(2)], facts, lines).bytes.length - 2;
    const roomBytes = limits.recordBytesMax - aroundBytes;
    const longest = withPayload(roomBytes);
    const { bytes, last } = encodeBatch([withPayload(2), longest], facts, lines);
    expect([bytes.length, last]).toEqual([aroundBytes + 2 + limits.recordBytesMax, 2]);
    const longer = [withPayload(2), withPayload(roomBytes + 1)];
    expect(() => encodeBatch(longer, facts, lines)).toThrow("a line is no longer than read");
  });
});
