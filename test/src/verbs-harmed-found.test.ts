/** What verbs-harmed.test.ts has found, each with its story. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { expect, it } from "vitest";
import { command } from "./export/run-export.ts";
import type { Undamaged } from "./fuzz/directory-harm.ts";
import { layOut } from "./fuzz/offline-trial.ts";
import { crashedExample, killedStore } from "./fuzz/task-stores.ts";
import { verbProcess } from "./fuzz/verb-process.ts";
import { scratchDirectories } from "./world/scratch.ts";

const scratch = scratchDirectories();

/** The directory with these files as they were, and without those whose name is not wanted. */
const laidOut = (
  { files }: Undamaged,
  isWanted: (name: string) => boolean,
  harm: (bytes: Buffer, name: string) => Buffer = (bytes) => bytes,
): string => {
  const dir = join(scratch(), "state");
  const kept = [...files].filter(([name]) => isWanted(name));
  layOut(dir, new Map(kept.map(([name, bytes]) => [name, harm(Buffer.from(bytes), name)])));
  return dir;
};
const isSegment = (name: string): boolean => name.endsWith(".jsonl");
const segmentsOf = ({ files }: Undamaged): string[] => [...files.keys()].filter(isSegment);

/** What `taskwal tail -f` prints until it was told the last of these words. */
const tailed = async (
  dir: string,
  until: string,
  environment: NodeJS.ProcessEnv = {},
): Promise<string> => {
  const child = spawn(process.execPath, [command, "tail", "-f", "-n", "100", "-C", dir], {
    env: { PATH: process.env["PATH"], HOME: scratch(), ...environment },
    stdio: ["ignore", "pipe", "inherit"],
  });
  let stdout = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    const wasThere = stdout.includes(until);
    stdout += text;
    // Once: a second one would end it at once.
    if (!wasThere && stdout.includes(until)) child.kill("SIGINT");
  });
  expect(await once(child, "exit")).toEqual([130, null]);
  return stdout;
};

it("tail tells a gap where it is; before, it went over it in silence", async () => {
  const dir = laidOut(crashedExample(), () => true);
  const numbers = [...(await tailed(dir, "@17")).matchAll(/^ *@(\d+)( missing)?/gm)];
  expect(numbers.map(([, number, missing = ""]) => `${number}${missing}`)).toEqual(
    Array.from({ length: 17 }, (_, index) => (index === 9 ? "10 missing" : `${index + 1}`)),
  );
});

it("what tail follows is seen as it comes also on a terminal, of which it does not fill the screen", async () => {
  const terminal = "data:text/javascript,Object.assign(process.stdout,{isTTY:true,rows:100})";
  const dir = laidOut(crashedExample(), () => true);
  const text = await tailed(dir, "@17", {
    NODE_OPTIONS: `--import=${terminal}`,
    TASKWAL_PAGER: "cat",
  });
  expect(text).toContain("@10");
});

it("tail tells a gap behind which nothing comes", async () => {
  const store = crashedExample();
  const last = segmentsOf(store).at(-1);
  const dir = laidOut(
    store,
    () => true,
    (bytes, name) => (name === last ? bytes.subarray(0, 1_500) : bytes),
  );
  expect(await tailed(dir, "@17")).toMatch(/^@1\d…@17 missing/m);
});

it("an OTLP export tells a gap that lies in no life, also where nothing else is left", async () => {
  const run = await verbProcess(scratch());
  const store = await killedStore();
  const [first] = segmentsOf(store);
  const withoutFirst = laidOut(
    store,
    (name) => !name.startsWith("state."),
    (bytes, name) => (name === first ? bytes.fill(0) : bytes),
  );
  const lines = await run(["export", "--format", "otlp", "-C", withoutFirst]);
  expect(lines.stdout.split("\n").filter((line) => line !== "").length).toBeGreaterThan(1);
  for (const line of lines.stdout.trimEnd().split("\n"))
    expect(line).toMatch(/"taskwal.missing","value":\{"arrayValue":.*@\d/);
  const withoutAny = laidOut(
    store,
    (name) => !name.startsWith("state."),
    (bytes, name) => (isSegment(name) ? bytes.fill(0) : bytes),
  );
  const { status, stdout } = await run(["export", "--format", "otlp", "-C", withoutAny]);
  expect(status).toBe(1);
  expect(JSON.parse(stdout)).toMatchObject({ resourceSpans: [{ scopeSpans: [{ spans: [] }] }] });
});

it("bisect begins at the oldest state there is, also where that is not @0; before, it was refused", async () => {
  const run = await verbProcess(scratch());
  const store = await killedStore();
  const [first] = segmentsOf(store);
  const dir = laidOut(store, (name) => name !== first);
  const words = ["bisect", "6f", "--when", 'status == "completed"', "--json", "-C", dir];
  const { status, stdout } = await run(words);
  expect([status, stdout]).toEqual([0, expect.stringContaining('"value":true')]);
});

it("info names no snapshot that does not verify as one of @-1, and boots says that there is none", async () => {
  const run = await verbProcess(scratch());
  const dir = laidOut(
    crashedExample(),
    (name) => !name.startsWith("tasks/"),
    (bytes, name) => (isSegment(name) || name === "state.json" ? bytes.fill(0) : bytes),
  );
  const { stdout } = await run(["info", "-C", dir]);
  expect(stdout).toMatch(/^Snapshots +none$/m);
  expect(await run(["boots", "-C", dir])).toMatchObject({
    status: 1,
    stdout: expect.stringMatching(
      /^no record of a boot can be read\nafter @17 .*crossed-gap\n$/,
    ) as string,
  });
});
