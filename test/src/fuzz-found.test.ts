/** What fuzzing found in whole directories, each with its story; lines and HEAD have theirs beside their code. */
import { ReplayFailedError, UnsupportedFormatError } from "taskwal";
import { describe, expect, it } from "vitest";
import { makeFuzzStore, openFuzzed, pageIds, pageText, storeDir } from "./fuzz/fuzz-store.ts";
import { resealHead, resealLines, resealSnapshot, saltOfFile } from "./fuzz/reseal.ts";

const store = await makeFuzzStore(1);
const { sim, base, files, final, storeId, mirrors } = store;
const lastSegment = [...files.keys()].findLast((name) => name.endsWith(".jsonl")) ?? "";

const put = (
  name: string,
  change: (text: string) => string,
  seal: (bytes: Buffer) => Buffer,
): void => {
  const text = String(files.get(name));
  const changed = change(text);
  expect(changed).not.toBe(text);
  sim.writeRaw(`${storeDir}/${name}`, seal(Buffer.from(changed, "latin1")));
};

const sealedSegment = (bytes: Buffer): Buffer =>
  resealLines(bytes, saltOfFile(lastSegment, storeId) ?? 0);

const expectWhole = async (): Promise<void> => {
  const opened = await openFuzzed(sim, { mirrors });
  for (const id of pageIds) {
    const [version, text] = final.get(id) ?? [0, "[null,[]]"];
    expect([opened.pages.version(id), pageText(opened, id)]).toEqual([version, text]);
  }
  sim.powerCut("none");
};

describe("a LOCK whose bytes changed", () => {
  it("keeps no store from opening: an epoch that has no next one, or is no number, is none", async () => {
    // The next epoch after 2^53 - 1 is 2^53, and so is the one after that: the second opening tried to
    // claim it for ever.
    for (const epoch of [
      "9007199254740991",
      "9007199254740992",
      "1e999",
      '"x"',
      "-1",
      "null",
      "[]",
    ]) {
      sim.restore(base);
      put(
        "LOCK",
        (text) => text.replace(/"epoch":\d+/, `"epoch":${epoch}`),
        (bytes) => bytes,
      );
      await expectWhole();
      await expectWhole();
    }
  });
});

describe("a snapshot whose checksum is right and whose content no engine writes", () => {
  it("is not used, said so, and costs nothing", async () => {
    // Each of these ended the opening with a TypeError.
    const odd: readonly (readonly [string | RegExp, string])[] = [
      [/"engine":\{.*\},\n/, '"engine":null,\n'],
      ['"versions":{', '"versionz":{'],
      ['"deleted":{', '"deleted":7,"more":{'],
      [/"keys":\[[^\]]*\]/, '"keys":[null]'],
      ['"damaged":[]', '"damaged":[{"entity":"page"}]'],
      ['{"id":"', '{"ix":"'],
    ];
    for (const [from, to] of odd) {
      sim.restore(base);
      put("state.json", (text) => text.replace(from, to), resealSnapshot);
      const opened = await openFuzzed(sim, { mirrors });
      expect(opened.recovery.skipped).toEqual([
        {
          name: "state.json",
          reason: expect.stringContaining("what the engine writes") as string,
        },
      ]);
      sim.powerCut("none");
      await expectWhole();
    }
  });
});

describe("a record whose checksum is right", () => {
  const opening = async (change: (text: string) => string): Promise<unknown> => {
    sim.restore(base);
    put(lastSegment, change, sealedSegment);
    return openFuzzed(sim, { mirrors }).catch((error: unknown) => error);
  };

  it("is refused where it is the engine's and holds what no engine writes", async () => {
    const found = await opening((text) =>
      text.replace(/("type":"\$(?:boot|close)","data":)(\{.*\})\}\n/, '"type":"$gap","data":$2}\n'),
    );
    expect(found).toBeInstanceOf(ReplayFailedError);
  });

  it("is refused where its sequence leaves no number for the next one", async () => {
    // The store opened once, with 2^53 as its next sequence, and never again.
    const found = await opening((text) => text.replaceAll(/"dur":\d+/g, '"dur":9007199254740990'));
    expect(found).toBeInstanceOf(UnsupportedFormatError);
  });
});

describe("a HEAD of a later epoch than any claim", () => {
  it("takes no record from the openings that come: each claims an epoch above it", async () => {
    // A newer HEAD beside an older copy of the log, without LOCK. What HEAD named overrode the segment of
    // every later opening: each one lost what the one before had acknowledged.
    sim.restore(base);
    const salt = saltOfFile("wal/HEAD", storeId) ?? 0;
    put(
      "wal/HEAD",
      (text) => text.replaceAll(/"epoch":\d/g, '"epoch":9'),
      (bytes) => resealHead(bytes, salt),
    );
    for (let life = 1; life <= 3; life += 1) {
      const opened = await openFuzzed(sim, { mirrors });
      expect(opened.pages.version("probe")).toBe(life - 1);
      if (life > 1) expect(opened.recovery.lost).toEqual([]);
      await opened.pages.mutate("probe", life === 1 ? "page.opened" : "page.marked", {
        mark: life,
      });
      sim.powerCut("none");
    }
  });
});
