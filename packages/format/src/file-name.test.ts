import { describe, expect, it } from "vitest";

import {
  backupName,
  claimName,
  fileStem,
  headName,
  legacyFolder,
  lockName,
  parseBackupName,
  parseClaimName,
  parseFileStem,
  parseSegmentName,
  quarantineFolder,
  recoveryFolder,
  segmentName,
  stateName,
  walFolder,
} from "./file-name.ts";
import { fileStemBytesMax } from "./limits.ts";

const numbers = [1, 2, 9, 10, 99_999_999, 100_000_000, 2 ** 31, Number.MAX_SAFE_INTEGER];
const reservedNames = [
  ["con", "PRN", "aux", "nul", "com1", "LPT9", "lpt1", "con.txt", "nul.", "aux.a.b"],
].flat();
const oddIds = [
  ["", ".", "..", "a.", ".a", "a..b", "a/b", "a\\b", "a:b", "a b", " ", "a%b", "%", "%%", "%41"],
  ["A", "a", "aA", "Aa", "ß", "ẞ", "é", "e\u0301", "I", "ı", "😀", "\ud800", "\udc00\ud800"],
  ["\\ud800", "\u0000", "\n", '"', "~", "a~b", "\u2028", "__proto__"],
  reservedNames,
].flat();

const seed = 20_261_125;

const prng = (seed: number): (() => number) => {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
};

const alphabet = [
  "a",
  "A",
  "z",
  "0",
  "-",
  "_",
  ".",
  "%",
  "/",
  "ä",
  "\ud83d",
  "\ude00",
  "\ud800",
  "con",
  "\\",
];

/** Stems are safe on every system, come back as the ids, and differ where the ids do, whatever the case. */
const checkStems = (ids: readonly string[]): void => {
  const seen = new Map<string, string>();
  for (const id of new Set(ids)) {
    const stem = fileStem(id);
    expect(stem).toMatch(/^[a-z0-9_%~.-]+$/);
    expect(stem).not.toMatch(/^\.|\.$|^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/);
    expect(stem.length).toBeLessThanOrEqual(fileStemBytesMax);
    if (!stem.includes("~")) expect(parseFileStem(stem)).toBe(id);
    const before = seen.get(stem.toLowerCase());
    if (before !== undefined) expect.fail(`${JSON.stringify([before, id])} share ${stem}`);
    seen.set(stem.toLowerCase(), id);
  }
};

describe("the name of a file", () => {
  it("of a segment or a claim comes back, for every sequence and epoch", () => {
    for (const first of numbers) {
      for (const epoch of numbers) {
        expect(parseSegmentName(segmentName({ first, epoch }))).toEqual({ first, epoch });
        expect(parseClaimName(claimName(epoch))).toBe(epoch);
      }
    }
    expect(parseSegmentName("00000000000000000001-00000002.jsonl")).toEqual({ first: 1, epoch: 2 });
  });

  it("is the one that every version looks for", () => {
    expect([stateName, lockName, headName]).toEqual(["state.json", "LOCK", "wal/HEAD"]);
    expect([walFolder, quarantineFolder, recoveryFolder, legacyFolder]).toEqual([
      "wal",
      "quarantine",
      "recovery",
      "legacy",
    ]);
    expect(segmentName({ first: 4711, epoch: 2 })).toBe("wal/00000000000000004711-00000002.jsonl");
    expect(claimName(2)).toBe("wal/00000002.claim");
    expect(backupName(1_795_305_600_123, 7)).toBe("state.backup.20261122T000000.123Z-7.json");
  });

  it("of something else is no segment and no claim", () => {
    const odd = [
      "0-1.jsonl",
      "00000000000000000000-00000001.jsonl",
      "00000000000000000001-00000000.jsonl",
    ];
    const more = [
      "00000000000000000001-000000001.jsonl",
      "00000000000000000001-00000001.jsonl.tmp",
      "x00000000000000000001-00000001.jsonl",
      "old/wal/00000000000000000001-00000001.jsonl",
    ];
    for (const name of [...odd, ...more, "99999999999999999999-00000001.jsonl", "HEAD"]) {
      expect(parseSegmentName(name)).toBeUndefined();
    }
    for (const name of [
      ["00000000.claim", "000000001.claim", "1.claim", "00000001.claim.tmp"],
      ["x00000001.claim", "old/wal/00000001.claim"],
    ].flat()) {
      expect(parseClaimName(name)).toBeUndefined();
    }
  });

  it("of a backup comes back, and sorts by time", () => {
    const times = [0, 1, 951_782_400_000, 1_795_305_600_123, 4_102_444_799_999];
    for (const atMs of times) {
      for (const sequence of [0, ...numbers]) {
        const name = backupName(atMs, sequence);
        expect(name).not.toContain(":");
        expect(parseBackupName(name)).toEqual({ atMs, sequence });
      }
    }
    const names = times.map((atMs) => backupName(atMs, 1));
    expect(names.toSorted()).toEqual(names);
  });

  it("of somebody else's copy is no backup", () => {
    const name = backupName(1_795_305_600_123, 7);
    for (const odd of [
      name.replace("-7.json", "-07.json"),
      name.replace("-7.json", "-7 (copy).json"),
      name.replace("-7.json", "-9999999999999999.json"),
      name.replace(/\d{8}T/, "20260230T"),
      name.replace(/\d{8}T/, "20261325T"),
      "state.backup.json",
    ]) {
      expect(parseBackupName(odd)).toBeUndefined();
    }
  });
});

describe("the stem made of an id", () => {
  it("is reversible, and injective where case is ignored, for odd ids", () => checkStems(oddIds));

  it("is so for all ids of up to three odd characters", () => {
    const short = alphabet.flatMap((a) => [
      a,
      ...alphabet.flatMap((b) => [a + b, ...alphabet.map((c) => a + b + c)]),
    ]);
    checkStems(short);
  });

  it(`is so for random ids, also over-long ones (seed ${seed})`, () => {
    const next = prng(seed);
    const ids = Array.from({ length: 3_000 }, () =>
      Array.from(
        { length: Math.floor(next() * 120) },
        () => alphabet[Math.floor(next() * alphabet.length)],
      ).join(""),
    );
    checkStems(ids);
  });

  it("over its length carries a hash, and differs where only the end differs", () => {
    const long = "x".repeat(500);
    checkStems([long, `${long}a`, `${long}b`, "A".repeat(500), "ä".repeat(300), `con.${long}`]);
    expect(fileStem(long)).toMatch(/^x{120}~[0-9a-f]{32}$/);
    expect(parseFileStem(fileStem(long))).toBeUndefined();
  });

  it("is the id itself where that is safe, and escaped byte by byte where not", () => {
    expect(fileStem("az09-_")).toBe("az09-_");
    expect(fileStem("v1.2..3")).toBe("v1.2..3");
    expect(fileStem(".a.")).toBe("%2ea%2e");
    expect(fileStem("Ab/ä{")).toBe("%41b%2f%c3%a4%7b");
    expect(fileStem("a`")).toBe("a%60");
    expect(fileStem("con.txt")).toBe("%63on.txt");
    expect(fileStem("lpt9")).toBe("%6cpt9");
  });

  it("is whole up to its length, and is never cut inside an escape", () => {
    const hash = expect.stringMatching(/^~[0-9a-f]{32}$/) as string;
    const parts = (id: string): [string, string] => {
      const stem = fileStem(id);
      const cut = stem.indexOf("~");
      return [stem.slice(0, cut), stem.slice(cut)];
    };
    expect(fileStem("x".repeat(fileStemBytesMax))).toBe("x".repeat(fileStemBytesMax));
    expect(parts("x".repeat(fileStemBytesMax + 1))).toEqual(["x".repeat(120), hash]);
    expect(parts(`A${"x".repeat(300)}`)).toEqual([`%41${"x".repeat(117)}`, hash]);
    for (const before of [118, 119]) {
      const id = `${"x".repeat(before)}A${"x".repeat(300)}`;
      expect(parts(id)).toEqual(["x".repeat(before), hash]);
    }
    expect(parts(`${"x".repeat(117)}A${"x".repeat(300)}`)).toEqual([`${"x".repeat(117)}%41`, hash]);
  });

  it("is not read from a foreign name", () => {
    for (const odd of ["A", "a b", "%4", "%zz", "%61", "%5C", "ä", ".a", "con", "a~0", "%22"]) {
      expect(parseFileStem(odd)).toBeUndefined();
    }
  });
});
