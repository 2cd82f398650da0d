/** What is said of a file that is no whole snapshot: its kind, a reason, and the first byte that is known to be wrong. */
import type { File } from "@taskwal/disk";
import { sha256 } from "@taskwal/format";
import { describe, expect, it } from "vitest";
import { createWorld, saveAll, statePath, type World } from "./sample-snapshot.test.ts";
import { scanSnapshot, type UnusableSnapshot } from "./scan-snapshot.ts";
import { SnapshotBody } from "./snapshot-body.ts";
import { checksumLine, checksumLineBytes } from "./snapshot-format.ts";

const made = await createWorld();
await saveAll(made, [4_713]);
const whole = Buffer.from(made.sim.readRaw(statePath)).toString();
const [headLine = ""] = whole.split(/(?<=\n)/);
const head = JSON.parse(`${headLine.slice(0, -2)}}`) as unknown;

const sealed = (lines: string): string =>
  lines + checksumLine(sha256().update(Buffer.from(lines)).digest("hex"));
const linesOf = (text: string): string => text.slice(0, text.lastIndexOf('"checksum"'));

const scan = async (text: string | Uint8Array, withBody: boolean): Promise<unknown> => {
  const world: World = await createWorld();
  world.sim.writeRaw(statePath, typeof text === "string" ? Buffer.from(text) : text);
  const file = await world.directory.open("state.json", "read");
  try {
    return await scanSnapshot(file, withBody ? new SnapshotBody() : undefined, world.clock);
  } finally {
    await file.close();
  }
};

/** The same with a body and without one. */
const verdictOf = async (text: string | Uint8Array): Promise<UnusableSnapshot> => {
  const [read, verified] = [await scan(text, true), await scan(text, false)];
  expect(read).toEqual(verified);
  return read as UnusableSnapshot;
};

const damaged = (reason: string, facts: object = {}): object => ({
  ok: false,
  kind: "damaged",
  reason,
  ...facts,
});
const atStart = (reason: string): object => damaged(reason, { startBytes: 0 });
const foreign = { ok: false, kind: "foreign", reason: "it is not a snapshot of this program" };

describe("a file without a first line of ours", () => {
  it("is damaged where it may have been ours: empty, zeroed, cut, its first line changed", async () => {
    expect(await verdictOf("")).toEqual(atStart("it is empty"));
    expect(await verdictOf("\0".repeat(9))).toEqual(
      atStart("it begins with NUL bytes, as after a power failure"),
    );
    for (const length of [1, 20, 29, 60, headLine.length - 1]) {
      const cut = headLine.slice(0, length);
      expect(await verdictOf(cut), cut).toEqual(atStart("it is cut in its first line"));
      expect(await verdictOf(`${cut}\0\0\n`), cut).toEqual(atStart("it is cut in its first line"));
    }
    const changed = headLine.replace('"epoch":1', '"epoch":x');
    expect(await verdictOf(changed)).toEqual(atStart("its first line is damaged"));
    expect(
      await verdictOf(
        sealed(linesOf(whole.replace('{"version"', '{"versiom"').replace("1.0.0", ""))),
      ),
    ).toEqual(atStart("its first line is damaged"));
  });

  it("was rewritten by a tool where it still says its format and its store", async () => {
    const pretty = JSON.stringify(JSON.parse(whole), null, 2);
    expect(await verdictOf(pretty)).toEqual(atStart("a tool rewrote it"));
    expect(await verdictOf(`\ufeff${whole}`)).toEqual(
      atStart("a tool put a byte order mark before it"),
    );
    expect(await verdictOf(whole.replaceAll("\n", "\r\n"))).toEqual(
      atStart("a tool changed its line ends to CRLF"),
    );
    expect(await verdictOf('{ "store" :\n "a", "format" :  1 }')).toEqual(
      atStart("a tool rewrote it"),
    );
  });

  it("is foreign where it says only one of them, or neither, or is no file", async () => {
    for (const text of [
      "hello",
      "{}",
      '{"format":1}',
      '{"store":"a"}',
      '{"format":"1","store":"a"}',
      '{"format":1,"store":7}',
      "\ufeff{}",
    ]) {
      expect(await verdictOf(text), text).toEqual(foreign);
    }
    const stat = { kind: "other", sizeBytes: 0 } as const;
    const odd = { stat: () => Promise.resolve(stat) } as unknown as File;
    expect(await scanSnapshot(odd, undefined, undefined)).toEqual({
      ok: false,
      kind: "foreign",
      reason: "it is not a file",
    });
  });
});

describe("a file of a newer format", () => {
  const newer = linesOf(whole).replace('"format":1', '"format":2');
  it("is unsupported, sealed or not; damaged where its seal is broken", async () => {
    const unsupported = { ok: false, kind: "unsupported", reason: "snapshot format 2" };
    expect(await verdictOf(sealed(newer))).toEqual(unsupported);
    expect(await verdictOf(newer)).toEqual(unsupported);
    expect(await verdictOf(newer + checksumLine("0".repeat(64)))).toEqual(
      damaged("its checksum does not match, and it says snapshot format 2"),
    );
  });
});

describe("a file with a first line of ours", () => {
  const cut = "it does not end with its checksum: it was cut, or changed at its end";

  it("that ends early says where its checksum line should begin", async () => {
    expect(await verdictOf(headLine)).toEqual(
      damaged(cut, { startBytes: headLine.length - checksumLineBytes, head }),
    );
    const lines = linesOf(whole);
    expect(await verdictOf(lines)).toEqual(
      damaged(cut, { startBytes: lines.length - checksumLineBytes, head }),
    );
  });

  it("whose content is not what its checksum says is damaged, and says what its head claims", async () => {
    const changed = whole.replace("step 4713", "step 4714");
    expect(await verdictOf(changed)).toEqual(
      damaged("its checksum does not match its content", { head }),
    );
  });

  it("of which lines are missing is damaged although its checksum is right", async () => {
    const lines = linesOf(whole);
    const without = lines.slice(0, lines.indexOf('"engine"'));
    expect(await scan(sealed(without), true)).toEqual(
      damaged("lines are missing before its checksum", { startBytes: without.length, head }),
    );
  });

  it("that becomes shorter while it is read is damaged, at the byte where it ended", async () => {
    const { sim, directory, clock } = await createWorld();
    sim.writeRaw(statePath, Buffer.from(whole));
    const editor = await directory.open("state.json", "write");
    let reads = 0;
    // Behind the looks at its first and its last line.
    sim.fail(({ kind }) => {
      if (kind === "read" && (reads += 1) === 3) editor.truncateSync(100);
      return false;
    }, "EIO");
    const file = await directory.open("state.json", "read");
    expect(await scanSnapshot(file, new SnapshotBody(), clock)).toEqual(
      damaged("it became shorter while it was read", { startBytes: 100, head }),
    );
  });
});

describe("lines of any length", () => {
  it("are read whole across the bytes that are read at a time, and a bad one is told by its byte", async () => {
    const lengths = [1, 1024 * 1024 - 1, 3, 2 * 1024 * 1024 + 7, 5, 400_000, 700_000];
    const entities = lengths.map((length, at) => `{"id":"${at}","text":"${"x".repeat(length)}"}`);
    const textOf = (list: readonly string[]): string =>
      sealed(`${headLine}"tasks":[\n${list.join(",\n")}\n],\n"engine":{},\n`);
    expect(await scan(textOf(entities), true)).toMatchObject({ ok: true });
    for (const [at] of entities.entries()) {
      const bad = entities.map((entity, index) => (index === at ? entity.slice(0, -1) : entity));
      const text = textOf(bad);
      const startBytes = text.indexOf(`{"id":"${at}"`);
      expect(await scan(text, true), String(at)).toEqual(
        damaged("a line is not JSON", { startBytes, head }),
      );
    }
  });
});
