/**
 * The contract of the state file: what is saved and when, what is loaded, and the four ways to lose it.
 *
 * The rule: the weaknesses are part of the contract. A bridge that survives them is worth nothing if the
 * program that it was tested with does not have them.
 */
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { parseConversationState } from "@taskwal/agentapi-bridge";
import { expect } from "vitest";

import { capture, captureText } from "./agentapi-captures.ts";
import {
  paced,
  startAndListen,
  type EventsOfTest,
  type Program,
  type RunningAgentApi,
} from "./agentapi-process.ts";
import { maskJson, shapeOfLog, shapeOfStart, shapeOfStream } from "./agentapi-shape.ts";
import type { ContractCase } from "./contract-case.ts";
import { expectTold } from "./contract-http.ts";

const savedText = ({ stateFile }: RunningAgentApi): string => readFileSync(stateFile, "utf8");

/** Asks for a save, and waits for what the log says of it. */
const save = async (running: RunningAgentApi): Promise<void> => {
  const outcomes = (): number =>
    running
      .stdout()
      .split(
        /saved successfully|Skipping state save|persistence is disabled|Failed to save state on/,
      ).length;
  const before = outcomes();
  running.signal("SIGUSR1");
  await running.until("the save was told", () => outcomes() > before);
};

const stop = async (running: RunningAgentApi): Promise<readonly [number | null, string | null]> => {
  running.signal("SIGTERM");
  return running.ended;
};

/** Listened to from before its load. On a busy machine the load may be over before somebody listens: then another one. */
const heardFromStart = async (
  program: Program,
  state: Buffer,
): Promise<{ readonly running: RunningAgentApi; readonly stream: EventsOfTest }> => {
  for (;;) {
    const running = await startAndListen(program, { state });
    const stream = await running.events();
    if (!/Successfully loaded|Failed to load/.test(running.stdout())) return { running, stream };
    stream.close();
    await stop(running);
  }
};

/** What the captured program did with a file that it could not load: told once to each, and replaced. */
const failedLoad = (kind: string): ContractCase => ({
  name: `tells of a state file that it cannot load (${kind}), and replaces it at the next save`,
  run: async (program) => {
    const before = capture(`load-failure/${kind}/state-before.json`);
    const { running, stream } = await heardFromStart(program, before);
    await expectTold(running, stream, `load-failure/${kind}/events-from-start.sse`, shapeOfStart);
    const late = await running.events();
    await expectTold(running, late, `load-failure/${kind}/events-late-connect.sse`, shapeOfStream);
    await save(running);
    expect(maskJson(savedText(running))).toBe(
      maskJson(captureText(`load-failure/${kind}/state-after-sigusr1.json`)),
    );
    late.close();
    stream.close();
    expect(await stop(running)).toEqual([0, null]);
    expect(shapeOfLog(running.stdout())).toEqual(
      shapeOfLog(captureText(`load-failure/${kind}/stdout.log`)),
    );
  },
});

/** What the captured program loaded without complaint, and then left alone. */
const lenientLoad = (kind: string): ContractCase => ({
  name: `loads a state file that is not as it writes it (${kind}) without a word`,
  run: async (program) => {
    const before = capture(`load-failure/${kind}/state-before.json`);
    const { running, stream } = await heardFromStart(program, before);
    await expectTold(running, stream, `load-failure/${kind}/events-from-start.sse`, shapeOfStart);
    await save(running);
    expect(await stop(running)).toEqual([0, null]);
    expect(readFileSync(running.stateFile)).toEqual(before);
    expect(shapeOfLog(running.stdout())).toEqual(
      shapeOfLog(captureText(`load-failure/${kind}/stdout.log`)),
    );
  },
});

/** The good state is replaced by a boot screen of one message, because the save came before the load. */
const bootOverwrite = (
  kind: "sigusr1" | "sigterm" | "agent-crash" | "agent-exit-0",
  mode: string,
  end: (running: RunningAgentApi) => Promise<void>,
): ContractCase => ({
  name: `loses a good state that it has not loaded yet: ${kind}`,
  run: async (program) => {
    const before = capture(`boot-overwrite/${kind}/state-before.json`);
    const running = await startAndListen(program, { state: before, mode });
    await end(running);
    const [code] = await running.ended;
    expect(code).toBe(kind === "agent-crash" ? 1 : 0);
    const after = parseConversationState(readFileSync(running.stateFile));
    expect(after.verdict === "ok" && after.state.messages.length).toBe(1);
    expect(savedText(running)).toContain(
      '{"version":1,"messages":[{"id":0,"message":"demo-agent 1.3.0 ',
    );
    expect(shapeOfLog(running.stdout())).toEqual(
      shapeOfLog(captureText(`boot-overwrite/${kind}/stdout.log`)),
    );
  },
});

const booted = async (running: RunningAgentApi): Promise<void> => {
  await running.until("the boot screen was taken", async () =>
    (await running.ask("GET", "/messages")).body.includes("loading model weights"),
  );
};

export const stateContract: readonly ContractCase[] = [
  {
    name: "saves a turn on SIGUSR1 as captured, atomically, and nothing where nothing changed",
    run: async (program) => {
      const running = await startAndListen(program);
      await running.statusIs("stable");
      expect((await running.say("Hi! What can you see in this project?")).status).toBe(200);
      await running.statusIs("stable");
      writeFileSync(`${running.stateFile}.tmp`, "left over", { mode: 0o600 });
      await save(running);
      expect(maskJson(savedText(running))).toBe(maskJson(captureText("states/turns-01.json")));
      expect(statSync(running.stateFile).mode & 0o777).toBe(0o600);
      expect(existsSync(`${running.stateFile}.tmp`)).toBe(false);
      const { ino } = statSync(running.stateFile);
      await save(running);
      expect(statSync(running.stateFile).ino).toBe(ino);
      expect(running.stdout()).toContain("Skipping state save: no changes since last save");
    },
  },
  {
    name: "makes few saves of many signals",
    run: async (program) => {
      const running = await startAndListen(program);
      await running.statusIs("stable");
      for (let count = 0; count < 50; count += 1) running.signal("SIGUSR1");
      await running.logged("Received SIGUSR1");
      await running.statusIs("stable");
      const received = running.stdout().split("Received SIGUSR1").length - 1;
      expect(received).toBeLessThan(50);
      expect(await stop(running)).toEqual([0, null]);
    },
  },
  {
    name: "saves at SIGTERM what it has not saved, and loads it at the next start",
    run: async (program) => {
      const running = await startAndListen(program);
      await running.statusIs("stable");
      expect((await running.say("one")).status).toBe(200);
      await running.statusIs("stable");
      expect(await stop(running)).toEqual([0, null]);
      const saved = readFileSync(running.stateFile);
      const again = await startAndListen(program, { state: saved });
      await again.logged("Successfully loaded state");
      expect(await stop(again)).toEqual([0, null]);
      expect(readFileSync(again.stateFile)).toEqual(saved);
      const log = captureText("lost-user-message/stdout.log").replace("messages=11", "messages=3");
      expect(shapeOfLog(again.stdout())).toEqual(shapeOfLog(log));
    },
  },
  {
    name: "loses a message that it accepted: SIGTERM at once saves nothing",
    run: async (program) => {
      const before = capture("lost-user-message/state-before.json");
      // A reply on the screen would make the state worth saving: this one takes its time.
      const running = await startAndListen(program, { state: before, mode: "thinks" });
      await running.loaded();
      await running.statusIs("stable");
      const answer = await running.say("Show the coverage as a table.");
      running.signal("SIGTERM");
      expect(answer.status).toBe(200);
      expect(await running.ended).toEqual([0, null]);
      expect(shapeOfLog(running.stdout())).toEqual(
        shapeOfLog(captureText("lost-user-message/stdout.log")),
      );
      expect(readFileSync(running.stateFile)).toEqual(before);
    },
  },
  {
    name: "takes an initial prompt for sent once it is enqueued, long before the agent has it",
    run: async (program) => {
      const prompt = "Please find out why `pnpm test` is red.";
      const running = await startAndListen(program, { flags: ["--initial-prompt", prompt] });
      await running.loaded();
      await save(running);
      expect(maskJson(savedText(running))).toBe(
        maskJson(captureText("states/initial-prompt-enqueued-not-delivered.json")),
      );
      await running.until("the prompt was delivered", async () =>
        (await running.ask("GET", "/messages")).body.includes('"role":"user"'),
      );
    },
  },
  {
    name: "takes no reply for one that is the same as the last, and stays running",
    run: async (program) => {
      const running = await startAndListen(program, { mode: "repeats" });
      await running.statusIs("stable");
      for (const text of ["first", "second"]) {
        await running.statusIs("stable");
        expect((await running.say(text)).status).toBe(200);
      }
      await new Promise((done) => setTimeout(done, paced(program, 4000)));
      expect((await running.ask("GET", "/status")).body).toContain('"running"');
      const { messages } = JSON.parse((await running.ask("GET", "/messages")).body) as {
        messages: { role: string }[];
      };
      expect(messages.map(({ role }) => role)).toEqual(["agent", "user", "agent", "user"]);
    },
  },
  {
    name: "does not save where saving is turned off, by any word that is not true",
    run: async (program) => {
      const running = await startAndListen(program, { env: { AGENTAPI_SAVE_STATE: "maybe" } });
      await running.loaded();
      await running.statusIs("stable");
      await save(running);
      expect(await stop(running)).toEqual([0, null]);
      expect(existsSync(running.stateFile)).toBe(false);
      expect(shapeOfLog(running.stdout())).toEqual(
        shapeOfLog(captureText("logs/save-state-false.stdout.log")),
      );
    },
  },
  {
    name: "tells of a save that fails in the log only: the exit code is 0",
    run: async (program) => {
      const running = await startAndListen(program, { state: "folder" });
      await running.statusIs("stable");
      await save(running);
      expect(await stop(running)).toEqual([0, null]);
      expect(shapeOfLog(running.stdout())).toEqual(
        shapeOfLog(captureText("logs/load-failure-path-is-a-directory.stdout.log")),
      );
    },
  },
  ...["cut", "empty", "not-json", "nul-bytes", "version-2"].map(failedLoad),
  ...["trailing-garbage", "unknown-fields"].map(lenientLoad),
  bootOverwrite("sigusr1", "boots-for-ever", async (running) => {
    await booted(running);
    await save(running);
    await stop(running);
  }),
  bootOverwrite("sigterm", "boots-for-ever", async (running) => {
    await booted(running);
    await stop(running);
  }),
  bootOverwrite("agent-crash", "crashes", async () => {}),
  bootOverwrite("agent-exit-0", "quits", async () => {}),
];
