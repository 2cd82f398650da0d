/**
 * What `taskwal agentapi shutdown` tells a script: its exit code, its object of JSON, its lines for people.
 */
import { afterAll, describe, expect, it } from "vitest";

import { endAll, fakeProgram, startAndListen } from "./agentapi-process.ts";
import { startFakeCoder, type CoderAnswer, type FakeCoder } from "./fake-coder.ts";
import type { SomeToggles } from "./fake-toggles.ts";
import { moduleEnvironment, ShutdownProcess, type VerbRun } from "./shutdown-command.ts";

const coders: FakeCoder[] = [];
afterAll(async () => {
  endAll();
  for (const coder of coders) await coder.close();
});

interface Setting {
  readonly toggles?: SomeToggles;
  readonly answers?: readonly CoderAnswer[];
  readonly env?: Readonly<Record<string, string>>;
  readonly words?: readonly string[];
}

const limits = ["--save-timeout", "12s", "--snapshot-timeout", "6s", "--term-timeout", "2s"];

const shutDown = async ({
  toggles = {},
  answers = [204],
  env,
  words = ["--json"],
}: Setting): Promise<VerbRun> => {
  const coder = await startFakeCoder(...answers);
  coders.push(coder);
  const running = await startAndListen(fakeProgram("0.12.1", toggles));
  await running.statusIs("stable");
  if (toggles.postHold === "forever") void running.say("hello?").catch(() => {});
  return new ShutdownProcess(moduleEnvironment(running, coder, env), [...limits, ...words]).ended;
};

/** Nothing answers, nothing ends. */
const stuck: SomeToggles = {
  ignoreTerm: true,
  postHold: "forever",
  sseStall: true,
  saveDelayMs: 600_000,
};

describe.concurrent("taskwal agentapi shutdown", () => {
  it.each<[number, string, Setting, object]>([
    [
      0,
      "where all went well",
      {},
      { checkpoint: { verdict: "verified" }, snapshot: { outcome: "posted" }, ended: "terminated" },
    ],
    [
      0,
      "where nobody wants a log",
      { env: { ARG_TASK_ID: "" } },
      { snapshot: { outcome: "off", reason: "no-task" } },
    ],
    [
      10,
      "where the state could not be saved",
      { toggles: { saveFail: "ENOSPC" } },
      { ended: "terminated" },
    ],
    [
      11,
      "where Coder has not taken the log",
      { answers: [500] },
      { snapshot: { outcome: "queued", status: 500 } },
    ],
    [
      11,
      "where Coder refused the log",
      { answers: [404] },
      { snapshot: { outcome: "refused", status: 404 } },
    ],
    [
      11,
      "where Coder's address is missing",
      { env: { CODER_AGENT_URL: "" } },
      { snapshot: { reason: "no-url" } },
    ],
    [12, "where it had to be killed", { toggles: { ignoreTerm: true } }, { ended: "killed" }],
    [
      12,
      "where nothing answers and nothing ends",
      { toggles: stuck, answers: ["hangs"] },
      { ended: "killed" },
    ],
  ])("exits with %i %s", async (code, _, setting, told) => {
    const run = await shutDown(setting);
    expect(run.stderr).toBe("");
    expect(JSON.parse(run.stdout)).toMatchObject({ ...told, exitCode: code });
    expect(run.code).toBe(code);
  });

  it("always exits with 0 for those who compare it with the script", async () => {
    const run = await shutDown({
      toggles: stuck,
      answers: ["hangs"],
      words: ["--compat", "registry"],
    });
    expect([run.code, run.stdout.split("\n").at(-2)]).toEqual([0, "Shutdown complete"]);
    expect(run.stdout).toContain("Warning: sending SIGKILL");
  });

  it("ends agentapi also when nobody reads what it prints any more", async () => {
    const coder = await startFakeCoder();
    coders.push(coder);
    const running = await startAndListen(fakeProgram("0.12.1"));
    await running.statusIs("stable");
    const env = moduleEnvironment(running, coder);
    const run = new ShutdownProcess(env, [...limits, "--compat", "registry"]);
    run.child.stdout.destroy();
    run.child.stderr.destroy();
    await run.ended;
    expect(await running.ended).toEqual([0, null]);
    expect(coder.taken.length).toBe(1);
  });

  it("tells a person what came of each phase", async () => {
    const { stdout } = await shutDown({ words: [] });
    expect(stdout).toMatch(
      /agentapi \d+\n {2}checkpoint {2}verified: .*\n {2}snapshot {4}posted\n {2}end {9}terminated\n/,
    );
  });

  it.each([
    ["--compat", "upstream"],
    ["--gate", "maybe"],
    ["--term-timeout", "soon"],
  ])("refuses %s %s", async (...words) => {
    const { code, stderr } = await new ShutdownProcess({}, words).ended;
    expect(code).toBe(2);
    expect(stderr).toMatch(/^taskwal: .*\nSee taskwal --help\.\n$/);
  });
});
