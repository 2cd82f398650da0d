/**
 * docs/format.md equals the bytes: the walk is the fixture, the checksums verify by an implementation
 * that shares nothing with ours, the limits and fields are the source's.
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { createSimDisk } from "@taskwal/disk/sim";
import { limits } from "@taskwal/format";
import { openTaskStore } from "@taskwal/tasks";
import { describe, expect, test } from "vitest";
import { codeBlock, codeSpans, repository, section, tableRows, textOf } from "./documents.ts";

const document = textOf("docs/format.md");
const fixture = join(repository, "test/fixtures/format-v1");
const bytesOf = (name: string): Buffer => readFileSync(join(fixture, name));
const files = readdirSync(fixture, { recursive: true, encoding: "utf8" }).filter((name) =>
  statSync(join(fixture, name)).isFile(),
);
const segments = files.filter((name) => name.endsWith(".jsonl")).toSorted();

/** CRC-32 as the standard defines it, one bit at a time. */
const crc32 = (bytes: Uint8Array): string => {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  return ((crc ^ 0xffffffff) >>> 0).toString(16).padStart(8, "0");
};

const sha256 = (bytes: Uint8Array | string): string =>
  createHash("sha256").update(bytes).digest("hex");

/** Whether a line verifies under the salt, as the document says it. */
const verifies = (line: Buffer, salt: string): boolean =>
  line.subarray(0, 8).toString() === '{"crc":"' &&
  line.subarray(8, 16).toString() === crc32(Buffer.concat([Buffer.from(salt), line.subarray(16)]));

const linesOf = (bytes: Buffer): { line: Buffer; start: number; whole: boolean }[] => {
  const lines = [];
  for (let start = 0; start < bytes.length;) {
    const end = bytes.indexOf("\n", start);
    lines.push({
      line: bytes.subarray(start, end < 0 ? bytes.length : end),
      start,
      whole: end >= 0,
    });
    start = end < 0 ? bytes.length : end + 1;
  }
  return lines;
};

const store = "4cf375972ab9d5a2903ea3d5890cf050";
const saltOf = (name: string): string => {
  const [, first, epoch] = /(\d{20})-(\d{8})/.exec(name) ?? [];
  return `${store}/${Number(first)}/${Number(epoch)}`;
};
const parsed = (line: Buffer): Record<string, unknown> =>
  JSON.parse(line.toString()) as Record<string, unknown>;

test("the implementation here is CRC-32 (ISO-HDLC): its check value is cbf43926", () => {
  expect(crc32(Buffer.from("123456789"))).toBe("cbf43926");
});

describe("the walk", () => {
  const listing = new Map(
    [
      ...document.matchAll(
        /<!-- fixture: (\S+?)(, without a newline at the end)? -->\n```json\n([\s\S]*?)```/g,
      ),
    ].map(
      ([, name = "", bare, text = ""]) =>
        [name, bare === undefined ? text : text.slice(0, -1)] as const,
    ),
  );

  test("its listings equal the bytes of the fixture", () => {
    for (const [name, text] of listing) {
      // The two slots of HEAD stand 4096 bytes apart, with zeros between.
      const [first = "", second = ""] = text.split(/(?<=\n)/);
      const padded = `${first}${"\0".repeat(Math.max(0, 4096 - Buffer.byteLength(first)))}${second}`;
      const expected = name === "wal/HEAD" ? padded : text;
      expect(Buffer.from(expected).equals(bytesOf(name)), name).toBe(true);
    }
  });

  test("lists every file but the claims, which are empty, and the backup", () => {
    const others = files.filter((name) => !listing.has(name)).toSorted();
    expect(others.filter((name) => !name.endsWith(".claim"))).toEqual([
      "state.backup.20260101T120001.100Z-4.json",
    ]);
    for (const name of others.filter((one) => one.endsWith(".claim")))
      expect(bytesOf(name).length).toBe(0);
  });

  test("every line verifies but the torn one, which is the last of the last segment", () => {
    for (const name of segments) {
      for (const { line, whole } of linesOf(bytesOf(name))) {
        expect(verifies(line, saltOf(name)), line.toString()).toBe(whole);
        // Set in a wrong place it would not: another segment's salt.
        expect(verifies(line, `${store}/1/9`)).toBe(false);
      }
    }
    const torn = segments.filter((name) => linesOf(bytesOf(name)).some(({ whole }) => !whole));
    expect(torn).toEqual([segments.at(-1)]);
    const slots = bytesOf("wal/HEAD").toString("latin1").split(/\0+/);
    expect(slots.length).toBe(2);
    for (const slot of slots)
      expect(verifies(Buffer.from(slot.trimEnd()), `${store}/HEAD`)).toBe(true);
  });

  test("hashes and counts of seals and headers are those of the bytes", () => {
    for (const [index, name] of segments.entries()) {
      const bytes = bytesOf(name);
      const lines = linesOf(bytes).filter(({ whole }) => whole);
      const records = lines.filter(({ line }) => "seq" in parsed(line));
      const previous = segments[index - 1];
      const [header] = lines;
      if (previous && header) {
        const { sha256: hash, bytes: size } = parsed(header.line)["previous"] as Record<
          string,
          unknown
        >;
        expect([hash, size]).toEqual([sha256(bytesOf(previous)), bytesOf(previous).length]);
      }
      const seal = lines.find(({ line }) => "seal" in parsed(line));
      if (!seal) continue;
      const last = records.at(-1);
      expect(parsed(seal.line)["seal"]).toEqual({
        last: last && parsed(last.line)["seq"],
        count: records.length,
        sha256: sha256(bytes.subarray(0, seal.start)),
      });
    }
  });

  test("snapshots and the mirror carry the hash of what stands before it, and the crc of their last record", () => {
    const crcs = new Map(
      segments.flatMap((name) =>
        linesOf(bytesOf(name))
          .filter(({ whole }) => whole)
          .map(({ line }) => [parsed(line)["seq"], parsed(line)["crc"]] as const),
      ),
    );
    for (const name of files.filter((one) => one.startsWith("state."))) {
      const text = bytesOf(name).toString();
      const { sequence, last, checksum } = JSON.parse(text) as Record<string, unknown>;
      expect(checksum, name).toBe(`sha256:${sha256(text.slice(0, text.indexOf('"checksum"')))}`);
      expect(last, name).toBe(crcs.get(sequence));
    }
    const mirror = bytesOf("tasks/tests.json").toString();
    const { checksum, ...own } = (JSON.parse(mirror) as { taskwal: Record<string, unknown> })
      .taskwal;
    const before = mirror.slice(0, mirror.indexOf(',\n  "taskwal"'));
    expect(checksum).toBe(`sha256:${sha256(before + JSON.stringify(own))}`);
  });

  test("the script that checks a segment by hand says ok to every line, and BAD to the torn one", () => {
    const script = codeBlock(document, "js");
    for (const name of segments) {
      const said = execFileSync(
        process.execPath,
        ["--input-type=module", "-", join(fixture, name)],
        {
          input: script,
          encoding: "utf8",
          stdio: ["pipe", "pipe", "ignore"],
        },
      );
      const expected = linesOf(bytesOf(name)).map(({ whole }) => (whole ? "ok" : "BAD"));
      expect(
        said
          .trimEnd()
          .split("\n")
          .map((line) => line.split(" ")[0]),
        name,
      ).toEqual(expected);
    }
  });
});

test("the store of format 1 opens: everything acknowledged is there, the torn line is told as torn, its digest is known", async () => {
  const sim = createSimDisk({ startMs: Date.UTC(2026, 0, 2) });
  for (const name of files) sim.writeRaw(`/state/${name}`, bytesOf(name));
  const tasks = await openTaskStore({ dir: "/state", disk: sim.process("reader") });
  const { torn, lost, damaged, before } = tasks.recovery;
  expect({ lost, damaged, before }).toEqual({ lost: [], damaged: [], before: "crashed" });
  expect(torn.map(({ file }) => file)).toEqual([segments.at(-1)]);
  expect(tasks.get("tests")).toMatchObject({ status: "completed", description: "fix the tests" });
  expect(tasks.version("tests")).toBe(4);
  // The same on every machine and in every later version: entities and versions, no times of writing.
  expect(tasks.digest()).toBe("a23a756eedaa94c5700b36d7a841f71eb26f2d02893c39348f8a5eb3c7800a61");
  expect(tasks.logs("tests").map(({ message }) => message)).toEqual(["naïve café"]);
  await tasks.close();
});

test("the table of limits is limits.ts, name by name and value by value", () => {
  const rows = tableRows(section(document, "## Limits"));
  const told = Object.fromEntries(
    rows.map(([name = "", value]) => [codeSpans(name)[0], Number(value)]),
  );
  expect(told).toEqual({ ...limits });
});

test("every field that a line or a snapshot can have is explained", () => {
  const source = textOf("packages/format/src/record.ts");
  const declared = [...source.matchAll(/fieldsOf\(\s*"([^"]+)"/g)].flatMap(([, names = ""]) =>
    names.split(" "),
  );
  expect(declared).toContain("trace");
  const headers = ["format", "store", "first", "epoch", "previous", "parent"];
  const snapshots = Object.keys(JSON.parse(bytesOf("state.json").toString()) as object);
  const rows = tableRows(document);
  const explained = new Set(rows.flatMap(([name = ""]) => codeSpans(name)));
  // What stands inside a seal is told with it.
  const inside = codeSpans(rows.find(([name]) => name === "`seal`")?.[1] ?? "");
  const missing = [...declared, ...headers, ...snapshots].filter(
    (field) => !explained.has(field) && !inside.includes(field),
  );
  expect(missing).toEqual([]);
});

test("every type of system record is explained, and no other", () => {
  const source = textOf("packages/core/src/system-record.ts");
  const types = [...source.matchAll(/Type = "(\$\w+)"/g)].map(([, type]) => type);
  expect(types).toContain("$boot");
  const told = [...document.matchAll(/^\| `(\$\w+)` \|/gm)].map(([, type]) => type);
  expect(new Set(told)).toEqual(new Set(types));
});
