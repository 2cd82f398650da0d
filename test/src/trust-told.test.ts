/**
 * No answer without how far it is to be believed: `verified`, `crossed-gap` or `divergent`, in words and in JSON.
 *
 * Method: the command as a process, each verb on the bundled example before and behind its gap, and on a store of which
 * another model makes something else than its snapshot says.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { repository } from "./documents.ts";
import { openNotes } from "./world/note-model.ts";

const root = mkdtempSync(join(tmpdir(), "taskwal-trust-"));
afterAll(() => rmSync(root, { recursive: true }));
const example = join(repository, "packages/taskwal/example-crashed");
const run = (words: string): string => {
  const { stdout, stderr } = spawnSync(
    process.execPath,
    [join(repository, "packages/taskwal/bin/taskwal.js"), ...words.split(" ")],
    { encoding: "utf8", cwd: root, env: { PATH: process.env["PATH"] ?? "", HOME: root } },
  );
  expect(stderr, words).toBe("");
  return stdout;
};

/** The words for trust that an answer has, each once. */
const told = (words: string): string[] => {
  const said = new Set(run(words).match(/ (verified|crossed-gap|divergent)$|"trust":"[^"]*"/gm));
  return [...said].map((one) => one.replaceAll(/"trust":|["\s]/g, ""));
};

const verbs = "info boots log tail state report".split(" ");
const ofTask = [
  "state 6f",
  "blame 6f",
  "trace 6f",
  "bisect 6f --when n==1",
  "bisect --expensive true",
];

describe.each(["", " --json"])("every verb%s", (json) => {
  it.each([...verbs, ...ofTask])(
    "says verified before a gap and crossed-gap behind it: %s",
    (words) => {
      expect(told(`${words}${json} -C ${example} --at 9`)).toEqual(["verified"]);
      expect(told(`${words}${json} -C ${example}`)).toEqual(["crossed-gap"]);
    },
  );

  it("says it of both ends of a difference, of a record, and of the whole directory", () => {
    expect(told(`diff 9..12${json} -C ${example}`)).toEqual(["verified", "crossed-gap"]);
    expect(told(`show 9${json} -C ${example}`)).toEqual(["verified"]);
    expect(told(`show 12${json} -C ${example}`)).toEqual(["crossed-gap"]);
    expect(told(`ls${json} -C ${example}`)).toEqual(["crossed-gap"]);
    expect(told(`verify${json} -C ${example}`)).toEqual(["crossed-gap"]);
  });
});

it.runIf(existsSync("/dev/full"))(
  "an answer that cannot be written is no answer: exit code 3 and one sentence",
  () => {
    for (const verb of ["log", "state", "export", "verify"]) {
      const command = `"${process.execPath}" "${join(repository, "packages/taskwal/bin/taskwal.js")}"`;
      const words = ["-c", `${command} ${verb} -C "${example}" > /dev/full`];
      const env = { PATH: process.env["PATH"] ?? "", HOME: root };
      const { status, stderr } = spawnSync("/bin/sh", words, { encoding: "utf8", env });
      expect([status, stderr]).toEqual([3, "taskwal: cannot write the answer: ENOSPC\n"]);
    }
  },
);

it("of a part of the log it is said of what was looked at, not of what was not", () => {
  const ends = (words: string): object => {
    const { kind, after, to, records, lost, provenance } = JSON.parse(
      run(`${words} --json -C ${example}`).trimEnd().split("\n").at(-1) ?? "",
    ) as Record<string, unknown>;
    const { sequence, trust } = provenance as { sequence: number; trust: string };
    return { kind, after, to, records, lost, sequence, trust };
  };
  const end = { kind: "end", after: 0, to: 4, records: 4, lost: 0 };
  expect(ends("log -n 4")).toEqual({ ...end, sequence: 4, trust: "verified" });
  const crossed = { ...end, to: 11, records: 10, lost: 1, sequence: 11, trust: "crossed-gap" };
  expect(ends("log -n 10")).toEqual(crossed);
  const last = { ...crossed, after: 15, to: 17, records: 2, lost: 0, sequence: 17 };
  expect(ends("log -n 2 --reverse")).toEqual(last);
});

describe("a log that comes to something else than its snapshot says", () => {
  beforeAll(async () => {
    const store = await openNotes(undefined, { dir: join(root, "notes") });
    await store.notes.mutate("1", "note.created", { text: "as it was" });
    await store.close();
    const library = JSON.stringify(
      pathToFileURL(join(repository, "packages/taskwal/dist/index.js")).href,
    );
    writeFileSync(
      join(root, "model.mjs"),
      `import { defineEntity, defineModel } from ${library};
const any = { "~standard": { version: 1, vendor: "test", validate: (value) => ({ value }) } };
const note = defineEntity({
  name: "note", collection: "notes", version: 1, schema: any, lists: { lines: any },
  create: { "note.created": { payload: any, reduce: (_, { id }) => ({ id, text: "another" }) } },
  change: {},
});
export const model = defineModel({ entities: { notes: note } });
`,
    );
  });

  it("is named by verify, with the first entity of which they differ", () => {
    const said = run("verify -C notes --model model.mjs");
    expect(said).toContain("\n  note.1 is the first of them\n");
    expect(said).not.toContain("lost");
  });

  it.each([...verbs, "ls", "show 2", "export"].flatMap((verb) => [verb, `${verb} --json`]))(
    "is divergent in every answer: %s",
    (words) => {
      expect(told(`${words} -C notes --model model.mjs`)).toEqual(["divergent"]);
    },
  );
});
