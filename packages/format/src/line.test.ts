import { describe, expect, it } from "vitest";

import { crc32, hex32 } from "./checksum.ts";
import type { SegmentId } from "./file-name.ts";
import {
  claimedCrc,
  headSalt,
  LineBuffer,
  segmentSalt,
  verifyLine,
  verifyMarkedLine,
} from "./line.ts";
import { lineOf, recordBody } from "./record.ts";

const store = "0123456789abcdef0123456789abcdef";
const id: SegmentId = { first: 4711, epoch: 2 };
const salt = segmentSalt(store, id);
const draft = { at: 1_795_305_600_123, type: "task.updated", id: "6f", n: 8 };

const lineFrom = (body: string, salted = salt): Buffer => {
  const lines = new LineBuffer(16);
  lines.push(body, salted);
  return Buffer.from(lines.view());
};

const bodyOf = (dataJson: string): string => recordBody(draft, dataJson, 4711, 1);
const payloads = ["{}", '{"status":"waiting"}', '{"text":"ä€😀\\ud800"}', `"${"x".repeat(900)}"`];

/** The line verifies, and with any single bit flipped it does not. */
const checkEveryFlip = (line: Buffer): void => {
  const end = line.length - 1;
  expect(verifyLine(line, 0, end, salt)).toBe(true);
  for (let bit = 0; bit < end * 8; bit += 1) {
    const flipped = Buffer.from(line);
    flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    if (verifyLine(flipped, 0, end, salt)) expect.fail(`bit ${bit} of ${line.toString()}`);
    if (verifyMarkedLine(flipped, 0, end, salt)) expect.fail(`bit ${bit}, as marked by a tool`);
  }
};

describe("a line", () => {
  it("reads back as it was written", () => {
    for (const payload of payloads) {
      const line = lineFrom(bodyOf(payload));
      expect(verifyLine(line, 0, line.length - 1, salt)).toBe(true);
      const read = lineOf(JSON.parse(line.toString()));
      const record = { ...draft, seq: 4711, lag: 1, data: JSON.parse(payload) as unknown };
      expect(read).toMatchObject({ kind: "record", record });
    }
  });

  it("does not verify with any one bit flipped", () => {
    for (const payload of payloads) checkEveryFlip(lineFrom(bodyOf(payload)));
  });

  it("does not verify with its checksum in upper case", () => {
    for (let seq = 1; ; seq += 1) {
      const line = lineFrom(recordBody(draft, "{}", seq, 1));
      const upper = Buffer.from(line);
      upper.write(line.toString("latin1", 8, 16).toUpperCase(), 8, "latin1");
      if (upper.equals(line)) continue;
      expect(verifyLine(upper, 0, upper.length - 1, salt)).toBe(false);
      return;
    }
  });

  it("claims a checksum in lower-case hexadecimal digits, and in nothing else", () => {
    const line = lineFrom(bodyOf("{}"));
    const claims = (text: string, before = ""): number => {
      const bytes = Buffer.from(`${before}${text}`, "latin1");
      return claimedCrc(bytes, before.length, bytes.length);
    };
    const claimed = Number.parseInt(line.toString("latin1", 8, 16), 16);
    expect(claimedCrc(line, 0, line.length - 1)).toBe(claimed);
    expect(claims('{"crc":"0123abcf",', "x".repeat(50))).toBe(0x0123abcf);
    for (let at = 0; at < 8; at += 1) {
      for (let byte = 0; byte < 256; byte += 1) {
        const digits = `00000000`.split("").with(at, String.fromCharCode(byte)).join("");
        const isHex = /^[0-9a-f]$/.test(String.fromCharCode(byte));
        const expected = isHex ? Number.parseInt(digits, 16) : -1;
        if (claims(`{"crc":"${digits}",`) !== expected) expect.fail(`byte ${byte} at ${at}`);
      }
    }
    for (const odd of ['{"crC":"00000001",', '["crc":"00000001",', '{"crc":"00000001']) {
      expect(claims(odd)).toBe(-1);
    }
  });

  it("is no shorter than the shortest object", () => {
    const shortest = (covered: string): Buffer => {
      const crc = hex32(crc32(Buffer.from(covered), salt));
      return Buffer.from(`{"crc":"${crc}${covered}`);
    };
    const seen = ["", '"', '"}'].map((covered) => {
      const line = shortest(covered);
      const behind = Buffer.concat([Buffer.alloc(40), line]);
      return [verifyLine(line, 0, line.length, salt), verifyLine(behind, 40, behind.length, salt)];
    });
    expect(seen).toEqual([
      [false, false],
      [false, false],
      [true, true],
    ]);
  });

  it("verifies also where its checksum is zero", () => {
    const covered = Buffer.concat([Buffer.from('","seq":1,'), Buffer.alloc(4)]);
    const state = ~crc32(covered.subarray(0, -4), salt) >>> 0;
    // The four bytes that take the register from `state` to all ones.
    covered.writeUInt32LE((state ^ 0x9226f562) >>> 0, covered.length - 4);
    const line = Buffer.concat([Buffer.from('{"crc":"00000000'), covered]);
    expect(verifyLine(line, 0, line.length, salt)).toBe(true);
  });

  it("is written byte for byte as ever", () => {
    expect(lineFrom(bodyOf('{"text":"ä"}')).toString()).toBe(
      '{"crc":"4d6d53e8","seq":4711,"lag":1,"at":1795305600123,"type":"task.updated","id":"6f","n":8,"data":{"text":"ä"}}\n',
    );
  });

  it("does not verify cut short anywhere, or with a byte more", () => {
    const line = lineFrom(bodyOf(payloads[1] ?? ""));
    for (let end = 0; end < line.length - 1; end += 1) {
      expect(verifyLine(line, 0, end, salt)).toBe(false);
    }
    expect(verifyLine(line, 0, line.length, salt)).toBe(false);
  });

  it("never verifies in another segment, epoch or store, nor as a slot of HEAD", () => {
    const line = lineFrom(bodyOf("{}"));
    const others = [
      headSalt(store),
      segmentSalt(store.replace("0", "1"), id),
      0,
      ...Array.from({ length: 5_000 }, (_, at) => segmentSalt(store, { first: at + 1, epoch: 2 })),
      ...Array.from({ length: 500 }, (_, at) => segmentSalt(store, { first: 4711, epoch: at + 3 })),
    ].filter((other) => other !== salt);
    expect(others.length).toBeGreaterThan(5_000);
    expect(others.filter((other) => verifyLine(line, 0, line.length - 1, other))).toEqual([]);
  });

  it("is recognised behind a byte order mark and before a carriage return", () => {
    const line = lineFrom(bodyOf("{}"));
    const text = line.subarray(0, -1);
    const bom = Buffer.from([0xef, 0xbb, 0xbf]);
    const seen = [
      Buffer.concat([bom, text]),
      Buffer.concat([text, Buffer.from("\r")]),
      Buffer.concat([bom, text, Buffer.from("\r")]),
    ].map((bytes) => {
      const marked = verifyMarkedLine(bytes, 0, bytes.length, salt);
      return marked && [marked.mark, bytes.subarray(marked.start, marked.end).equals(text)];
    });
    expect(seen).toEqual([
      ["bom", true],
      ["crlf", true],
      ["bom", true],
    ]);
    expect(verifyMarkedLine(text, 0, text.length, salt)).toBeUndefined();
    for (const odd of ["\xef\xbbx", "\xefx\xbf", "x\xbb\xbf", "\xefxx", "xyz"]) {
      const bytes = Buffer.concat([Buffer.from(odd, "latin1"), text]);
      expect(verifyMarkedLine(bytes, 0, bytes.length, salt)).toBeUndefined();
    }
  });
});

describe("a buffer of lines", () => {
  it("grows by whole lines and keeps those before", () => {
    const lines = new LineBuffer(16);
    const expected: string[] = [];
    for (let seq = 1; seq < 200; seq += 1) {
      const body = recordBody(draft, `"${"ä".repeat(seq)}"`, seq, 1);
      lines.push(body, salt);
      expected.push(lineFrom(body).toString());
    }
    expect(Buffer.from(lines.view()).toString()).toBe(expected.join(""));
    lines.clear();
    expect(lines.length).toBe(0);
  });

  it("has room for a line of nothing but the longest characters", () => {
    const lines = new LineBuffer(1);
    lines.push("€".repeat(50), salt);
    expect(Buffer.from(lines.view()).toString()).toContain(`",${"€".repeat(50)}\n`);
  });
});
