/** What one chunk reads as, to the byte: every case tells the whole of what was found. */
import { LineBuffer, limits, markerBody, segmentSalt } from "@taskwal/format";
import { describe, expect, it } from "vitest";

import { range, store } from "./sample-log.test.ts";
import { badStretch, scanChunk, type ByteRange, type Scanned } from "./scan-chunk.ts";

const salt = segmentSalt(store, { first: 1, epoch: 1 });
const baseBytes = 10_000;
const prefix = '{"crc":"';

/** A line that verifies, its newline included. */
const lineOf = (body: string): string => {
  const lines = new LineBuffer();
  lines.push(body, salt);
  return Buffer.from(lines.view()).toString();
};

/** A record with so many starts of lines in its payload. */
const record = (seq: number, startCount = 0): string => {
  const starts = Array.from({ length: startCount }, () => '{"crc":"x"}').join();
  return lineOf(`"seq":${seq},"lag":1,"at":1,"type":"a","data":[${starts}]}`);
};

const [a, b, c] = [record(1), record(22), record(333)] as const;
const sizeA = a.length;
/** With another byte where its newline was. */
const joined = (line: string): string => `${line.slice(0, -1)}X`;

const isNoLine = "no line verifies here";
const isCut = "a line without its end";
const isNewline = "a damaged newline";

type Told = readonly [from: number, to: number, what: string];

const scan = (bytes: Buffer, unreadable: readonly ByteRange[] = []): Scanned[] =>
  scanChunk({ bytes, baseBytes, salt, unreadable });

const what = (item: Exclude<Scanned, { kind: "mark" }>): string => {
  if (item.kind === "bad") return item.reason;
  const { line } = item;
  if (line.kind === "record") return `${line.record.seq}`;
  return line.kind === "marker" ? `marker ${line.durable}` : line.kind;
};

/** In bytes of the chunk; a mark as its name between its start and its start. */
const told = (text: string): Told[] =>
  scan(Buffer.from(text)).map((item): Told => {
    const from = item.startBytes - baseBytes;
    if (item.kind === "mark") return [from, from, item.mark];
    return [from, item.endBytes - baseBytes, what(item)];
  });

/** From the sizes of what stands one behind the other. */
const inOrder = (...parts: readonly (readonly [text: string, what: string])[]): Told[] => {
  let at = 0;
  return parts.map(([text, one]) => {
    const from = at;
    at += Buffer.byteLength(text);
    return [from, at, one];
  });
};

describe("a chunk", () => {
  it("reads as its lines, each with its place in the file", () => {
    const marker = lineOf(markerBody(7));
    expect(told("")).toEqual([]);
    expect(told(`${a}${b}${marker}${c}`)).toEqual(
      inOrder([a, "1"], [b, "22"], [marker, "marker 7"], [c, "333"]),
    );
  });

  it("tells what is no line between newlines, neighbours as one stretch with the first reason", () => {
    expect(told(`${a}xx\n${b}`)).toEqual(inOrder([a, "1"], ["xx\n", isNoLine], [b, "22"]));
    expect(told(`\n${a}`)).toEqual(inOrder(["\n", isNoLine], [a, "1"]));
    expect(told(`${a}\n${b}\n\nx\n`)).toEqual(
      inOrder([a, "1"], ["\n", isNoLine], [b, "22"], ["\n\nx\n", isNoLine]),
    );
    expect(told(`${a}half`)).toEqual(inOrder([a, "1"], ["half", isCut]));
    expect(told(`x\nhalf`)).toEqual(inOrder(["x\nhalf", isNoLine]));
    expect(told(a.slice(0, -1))).toEqual(inOrder([a.slice(0, -1), isCut]));
  });

  it("finds the lines around a damaged newline, and tells that byte alone", () => {
    expect(told(`${joined(a)}${b}`)).toEqual([
      [0, sizeA, "1"],
      [sizeA - 1, sizeA, isNewline],
      [sizeA, sizeA + b.length, "22"],
    ]);
    const [atB, atC] = [sizeA, sizeA + b.length];
    expect(told(`${joined(a)}${joined(b)}${c}${a}`)).toEqual([
      [0, atB, "1"],
      [atB - 1, atB, isNewline],
      [atB, atC, "22"],
      [atC - 1, atC, isNewline],
      [atC, atC + c.length, "333"],
      [atC + c.length, atC + c.length + sizeA, "1"],
    ]);
    expect(told(joined(a))).toEqual([
      [0, sizeA, "1"],
      [sizeA - 1, sizeA, isNewline],
    ]);
    expect(told(`${b}${joined(a)}`).slice(1)).toEqual([
      [b.length, b.length + sizeA, "1"],
      [b.length + sizeA - 1, b.length + sizeA, isNewline],
    ]);
  });

  it("finds a line behind what stands before it on the same line, and tells what stands behind one", () => {
    expect(told(`junk${a}`)).toEqual(inOrder(["junk", isNoLine], [a, "1"]));
    expect(told(`junk${joined(a)}`)).toEqual([
      [0, 4, isCut],
      [4, 4 + sizeA, "1"],
      [3 + sizeA, 4 + sizeA, isNewline],
    ]);
    expect(told(`${joined(a)}junk${b}`)).toEqual(
      inOrder([`${joined(a)}junk`, isNoLine], [b, "22"]),
    );
    const rest = `${prefix}junk`;
    expect(told(`${joined(a)}${rest}\n${b}`)).toEqual([
      [0, sizeA, "1"],
      [sizeA - 1, sizeA + rest.length + 1, isNewline],
      [sizeA + rest.length + 1, sizeA + rest.length + 1 + b.length, "22"],
    ]);
    expect(told(`${joined(a)}${rest}`)).toEqual([
      [0, sizeA, "1"],
      [sizeA - 1, sizeA + rest.length, isNewline],
    ]);
  });

  it("finds the end of a line before any of the next eight starts, and before no later one", () => {
    const seven = joined(record(5, 7));
    expect(told(`${seven}${b}`).map(([, , one]) => one)).toEqual(["5", isNewline, "22"]);
    expect(told(`${joined(a)}${seven}${b}`).map(([, , one]) => one)).toEqual([
      "1",
      isNewline,
      "5",
      isNewline,
      "22",
    ]);
    const eight = joined(record(5, 8));
    expect(told(`${eight}${b}`)).toEqual(inOrder([eight, isNoLine], [b, "22"]));
  });

  it("tries so many starts of lines in one stretch, its own among them, and not one more", () => {
    const { resyncCandidatesMax } = limits;
    for (const first of [prefix, "junk"]) {
      for (const [starts, isFound] of [
        [resyncCandidatesMax - 2, true],
        [resyncCandidatesMax - 1, false],
      ] as const) {
        const before = `${first}${prefix.repeat(starts)}`;
        expect(told(`${before}${a}`)).toEqual(
          isFound ? inOrder([before, isNoLine], [a, "1"]) : inOrder([`${before}${a}`, isNoLine]),
        );
      }
    }
  });

  it("takes what a tool added for a mark of the line, in the order of the file", () => {
    const crlf = b.replace("\n", "\r\n");
    const atB = sizeA;
    expect(told(`${a}${crlf}${c}`)).toEqual([
      [0, atB, "1"],
      [atB, atB, "crlf"],
      [atB, atB + crlf.length, "22"],
      [atB + crlf.length, atB + crlf.length + c.length, "333"],
    ]);
    expect(told(`\uFEFF${a}${b}`)).toEqual([
      [0, 0, "bom"],
      [3, 3 + sizeA, "1"],
      [3 + sizeA, 3 + sizeA + b.length, "22"],
    ]);
  });

  it("tells a line that verifies and is not one JSON value as a stretch of its own", () => {
    for (const body of ['"seq":2,"lag":1,', '"seq":2},{"seq":3}']) {
      const odd = lineOf(body);
      const isOdd = "a line that is not JSON";
      expect(told(`${a}${odd}${b}`)).toEqual(inOrder([a, "1"], [odd, isOdd], [b, "22"]));
      expect(told(`${a}${odd}x\n`)).toEqual(inOrder([a, "1"], [`${odd}x\n`, isOdd]));
      // The byte of its newline is bad by itself: joined, it would end where the line did.
      expect(told(`${joined(odd)}${b}`)).toEqual([
        [0, odd.length, isOdd],
        [odd.length - 1, odd.length, isNewline],
        [odd.length, odd.length + b.length, "22"],
      ]);
    }
  });

  it("overwrites no byte but the newlines between its lines", () => {
    const text = `${a}${b}x\n#${c}${joined(a)}${b}y${a}${b}`;
    const bytes = Buffer.from(text);
    scan(bytes);
    expect(bytes.toString("latin1").replaceAll("},{", "}\n{")).toBe(text);
  });
});

describe("a bad stretch", () => {
  it("is a read error where it holds a byte that could not be read, and not where it only touches one", () => {
    const at: readonly ByteRange[] = [
      [0, 5],
      [5, 6],
      [4, 11],
      [9, 10],
      [10, 15],
    ];
    const errors = at.map((bytes) => badStretch(bytes, "rot", [[5, 10]]).readError);
    expect(errors).toEqual([false, true, true, true, false]);
    expect(badStretch([4, 9], "rot", []).readError).toBe(false);
  });

  it("is told as a read error with the place of its bytes in the file, also when it is joined", () => {
    const found = (unreadable: ByteRange): (readonly [number, boolean])[] =>
      scan(Buffer.from(`${a}xx\nyy\n${b}zz`), [unreadable]).flatMap((item) =>
        item.kind === "bad" ? [[item.startBytes - baseBytes - sizeA, item.readError] as const] : [],
      );
    const second = 6 + b.length;
    for (const byte of range(0, sizeA + second + 2)) {
      const at = byte - sizeA;
      const place = baseBytes + byte;
      expect(found([place, place + 1])).toEqual([
        [0, at >= 0 && at < 6],
        [second, at >= second && at < second + 2],
      ]);
    }
  });

  it("is no line that is JSON only together with the next: each gives what it would give alone", () => {
    const first = lineOf(
      '"seq":1,"lag":1,"at":1,"type":"a","data":1},{"seq":2,"type":"b","data":[{}',
    );
    const second = lineOf('"x":1}]}');
    const found = scan(Buffer.from(`${a}${first}${second}${b}`));
    expect(found.map((item) => item.kind)).toEqual(["line", "bad", "bad", "line"]);
    expect(found.filter(({ kind }) => kind === "bad")).toMatchObject([
      { reason: "a line that is not JSON" },
      { reason: "a line that is not JSON" },
    ]);
  });
});
