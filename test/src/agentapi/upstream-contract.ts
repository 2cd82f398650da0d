/**
 * What agentapi's own tests say of state, PID and end, asked of a whole program from outside.
 *
 *     cmd/server/server_test.go                     flags, PID file
 *     lib/screentracker/pty_conversation_test.go    what is saved, what is loaded, the initial prompt
 *     e2e/echo_test.go                              the same over a restart
 *
 * The rule: each case has the name of the test it stands for. The table of them is in docs/agentapi.md.
 */
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseConversationState } from "@taskwal/agentapi-bridge";
import { expect } from "vitest";

import { captureText } from "./agentapi-captures.ts";
import {
  newFolder,
  paced,
  start,
  startAndListen,
  type Program,
  type RunningAgentApi,
  type StartOptions,
} from "./agentapi-process.ts";
import { maskJson } from "./agentapi-shape.ts";
import type { ContractCase } from "./contract-case.ts";
import { savedMessages, stateOf } from "./shutdown-command.ts";

const named =
  (test: string) =>
  (name: string, run: ContractCase["run"]): ContractCase => ({
    name: `${test}: ${name}`,
    releases: ["0.12.1"],
    run,
  });

const textsOf = async (running: RunningAgentApi): Promise<readonly string[]> => {
  const { messages } = JSON.parse((await running.ask("GET", "/messages")).body) as {
    messages: { content: string }[];
  };
  return messages.map(({ content }) => content.trim());
};

const stop = async (running: RunningAgentApi): Promise<void> => {
  running.signal("SIGINT");
  expect(await running.ended).toEqual([0, null]);
};

const stable = async (program: Program, options?: StartOptions): Promise<RunningAgentApi> => {
  const running = await startAndListen(program, options);
  await running.loaded();
  await running.statusIs("stable");
  return running;
};

const say = async (running: RunningAgentApi, text: string): Promise<void> => {
  expect((await running.say(text)).status).toBe(200);
  await running.statusIs("stable");
};

const flagsCase = named("TestServerCmd_StatePersistenceFlags");

/** With these flags: whether a conversation of before is there, and whether one turn more is saved. */
const flags = (
  name: string,
  given: readonly string[],
  loads: boolean,
  saves: boolean,
): ContractCase =>
  flagsCase(name, async (program) => {
    const state = stateOf("Hello", "go on", "Done.");
    const running = await startAndListen(program, { state, flags: given });
    await running.statusIs("stable");
    if (loads) await running.logged("Successfully loaded state");
    expect((await textsOf(running)).includes("Done.")).toBe(loads);
    await say(running, "one turn more");
    await stop(running);
    expect(savedMessages(running).includes("one turn more")).toBe(saves);
  });

const pidCase = named("TestPIDFileOperations");
const pidFileIn = (
  program: Program,
  folders: string,
  pidText?: string,
): Promise<RunningAgentApi> => {
  const pidFile = join(newFolder(), folders, "agentapi.pid");
  if (pidText !== undefined) {
    mkdirSync(dirname(pidFile), { recursive: true });
    writeFileSync(pidFile, pidText);
  }
  return start(program, { state: null, flags: ["--pid-file", pidFile] });
};
const pidFileOf = ({ commandLine }: RunningAgentApi): string =>
  commandLine[commandLine.indexOf("--pid-file") + 1] ?? "";
const pidWritten = async (
  program: Program,
  folders = "",
  text?: string,
): Promise<RunningAgentApi> => {
  const running = await pidFileIn(program, folders, text);
  await running.logged("Starting server on port");
  expect(readFileSync(pidFileOf(running), "utf8")).toBe(`${running.pid}\n`);
  return running;
};

const stateCase = named("TestStatePersistence");
/** A file that cannot be loaded leaves the one message of a new conversation. */
const unloadable = (name: string, state: Buffer | undefined): ContractCase =>
  stateCase(name, async (program) => {
    const running = await stable(program, state ? { state } : {});
    expect(await textsOf(running)).toHaveLength(1);
  });

const promptCase = named("TestInitialPromptSent");
const prompt = "Please find out why `pnpm test` is red.";
const promptFlags = ["--initial-prompt", prompt];
const sentTimes = async (running: RunningAgentApi, text = prompt): Promise<number> =>
  (await textsOf(running)).filter((each) => each === text).length;
const delivered = async (program: Program, options: StartOptions): Promise<RunningAgentApi> => {
  const running = await startAndListen(program, options);
  await running.loaded();
  await running.until("it was delivered", async () => (await sentTimes(running)) > 0);
  await running.statusIs("stable");
  return running;
};
/** As it is saved once the prompt was sent. */
const promptedState = (program: Program): Promise<Buffer> =>
  delivered(program, { flags: promptFlags }).then(async (running) => {
    await stop(running);
    return readFileSync(running.stateFile);
  });
/** Long enough for a prompt to be sent, if it were. */
const afterAWhile = (program: Program): Promise<void> => sleep(paced(program, 5000));

const e2eCase = named("TestE2E");

export const upstreamContract: readonly ContractCase[] = [
  flags("state-file with defaults", [], true, true),
  flags("state-file with explicit load-state=false", ["--load-state=false"], false, true),
  flags("state-file with explicit save-state=false", ["--save-state=false"], true, false),
  flags(
    "state-file with explicit load-state=true and save-state=true",
    ["--load-state=true", "--save-state=true"],
    true,
    true,
  ),
  flags("load-state flag can be parsed", ["--load-state"], true, true),
  flags("save-state flag can be parsed", ["--save-state"], true, true),
  flagsCase("pid-file can be set independently", async (program) => {
    const running = await pidWritten(program);
    await running.statusIs("stable");
    await stop(running);
    expect(existsSync(running.stateFile)).toBe(false);
  }),
  flagsCase("state-file and pid-file can be set together", async (program) => {
    const running = await stable(program);
    expect(readFileSync(running.pidFile, "utf8")).toBe(`${running.pid}\n`);
    await stop(running);
    expect(existsSync(running.stateFile)).toBe(true);
  }),

  pidCase("writePIDFile creates file with process ID", async (program) => {
    await pidWritten(program);
  }),
  pidCase("writePIDFile creates directory if not exists", async (program) => {
    await pidWritten(program, "deep/deeper");
  }),
  pidCase("writePIDFile overwrites existing file", async (program) => {
    await pidWritten(program, "", "99999999");
    await pidWritten(program, "", "old content");
  }),
  pidCase("writePIDFile detects running process", async (program) => {
    const running = await pidFileIn(program, "", `${process.pid}`);
    expect(await running.ended).toEqual([1, null]);
    expect(running.stderr()).toContain("another instance is already running");
  }),
  pidCase("cleanupPIDFile removes file", async (program) => {
    const running = await pidWritten(program);
    await running.statusIs("stable");
    await stop(running);
    expect(existsSync(pidFileOf(running))).toBe(false);
  }),
  pidCase("cleanupPIDFile with non-existent file doesn't panic", async (program) => {
    const running = await pidWritten(program);
    rmSync(pidFileOf(running));
    await running.statusIs("stable");
    await stop(running);
  }),
  pidCase("cleanupPIDFile with remove error doesn't panic", async (program) => {
    const running = await pidWritten(program);
    rmSync(pidFileOf(running));
    mkdirSync(join(pidFileOf(running), "not empty"), { recursive: true });
    await running.statusIs("stable");
    await stop(running);
  }),

  stateCase("SaveState creates file with correct structure", async (program) => {
    const running = await stable(program);
    await say(running, "hello");
    await stop(running);
    const read = parseConversationState(readFileSync(running.stateFile));
    expect(read).toMatchObject({
      verdict: "ok",
      state: { initialPrompt: "", initialPromptSent: false },
    });
    expect(savedMessages(running)[1]).toBe("hello");
  }),
  stateCase("SaveState creates file with correct structure and valid JSON", async (program) => {
    const running = await stable(program);
    await say(running, "Hi! What can you see in this project?");
    await stop(running);
    const saved = maskJson(readFileSync(running.stateFile, "utf8"));
    expect(saved).toBe(maskJson(captureText("states/turns-01.json")));
  }),
  stateCase("SaveState skips when not configured", async (program) => {
    const running = await startAndListen(program, { state: null });
    await running.statusIs("stable");
    running.signal("SIGUSR1");
    await stop(running);
    expect(existsSync(running.stateFile)).toBe(false);
    expect(running.stdout()).toContain("State persistence is disabled");
  }),
  stateCase("SaveState honors dirty flag", async (program) => {
    const running = await stable(program);
    running.signal("SIGUSR1");
    await running.logged("State saved successfully");
    const { ino, mtimeMs } = statSync(running.stateFile);
    running.signal("SIGUSR1");
    await running.logged("Skipping state save");
    expect(statSync(running.stateFile)).toMatchObject({ ino, mtimeMs });
  }),
  stateCase("SaveState creates directory if not exists", async (program) => {
    const stateFile = join(newFolder(), "deep/deeper/state.json");
    const running = await startAndListen(program, {
      state: null,
      flags: ["--state-file", stateFile],
    });
    await running.statusIs("stable");
    await stop(running);
    expect(existsSync(stateFile)).toBe(true);
  }),
  stateCase("LoadState restores conversation from file", async (program) => {
    const state = stateOf("Hello", "go on", "Done.");
    expect(await textsOf(await stable(program, { state }))).toEqual(["Hello", "go on", "Done."]);
  }),
  unloadable("LoadState handles missing file gracefully", undefined),
  unloadable("LoadState handles empty file gracefully", Buffer.alloc(0)),
  unloadable("LoadState handles corrupted JSON gracefully", Buffer.from("{invalid json")),
  unloadable(
    "LoadState rejects unsupported version",
    Buffer.from('{"version":999,"messages":[]}\n'),
  ),
  stateCase("LoadState with last message is user role", async (program) => {
    // Of an even count the last is the user's, behind an agent's.
    const state = Buffer.from(
      stateOf("Hello", "go on", "x")
        .toString()
        .replace(/,\{"id":2[^}]*\}/, ""),
    );
    const running = await startAndListen(program, { state });
    await running.loaded();
    await running.until(
      "a reply was made of the screen",
      async () => (await textsOf(running)).length > 2,
    );
    const texts = await textsOf(running);
    expect(texts.slice(0, 2)).toEqual(["Hello", "go on"]);
    expect(texts[2]).not.toBe("go on");
  }),
  stateCase("LoadState preserves unsent initial prompt status", async (program) => {
    const unsent = JSON.parse(stateOf("Hello").toString()) as object;
    const state = Buffer.from(`${JSON.stringify({ ...unsent, initial_prompt: prompt })}\n`);
    expect(await sentTimes(await delivered(program, { state }))).toBe(1);
  }),

  promptCase("initialPromptSent is set when initial prompt is sent", async (program) => {
    const read = parseConversationState(await promptedState(program));
    expect(read).toMatchObject({ state: { initialPrompt: prompt, initialPromptSent: true } });
  }),
  promptCase("initial prompt not re-sent after state load", async (program) => {
    const running = await startAndListen(program, {
      state: await promptedState(program),
      flags: promptFlags,
    });
    await running.loaded();
    await afterAWhile(program);
    expect(await sentTimes(running)).toBe(1);
  }),
  promptCase("new initial prompt is sent when different from saved", async (program) => {
    const state = await promptedState(program);
    const other = ["--initial-prompt", "Another one."];
    const running = await startAndListen(program, { state, flags: other });
    await running.until(
      "it was delivered",
      async () => (await sentTimes(running, "Another one.")) === 1,
    );
    expect(await sentTimes(running)).toBe(1);
  }),
  promptCase("initialPromptSent remains false when no initial prompt", async (program) => {
    const running = await stable(program);
    await say(running, "hello");
    await stop(running);
    const read = parseConversationState(readFileSync(running.stateFile));
    expect(read).toMatchObject({ state: { initialPrompt: "", initialPromptSent: false } });
  }),
  promptCase("no initial prompt provided uses saved prompt", async (program) => {
    const running = await startAndListen(program, { state: await promptedState(program) });
    await running.loaded();
    await running.statusIs("stable");
    await say(running, "hello");
    await stop(running);
    const read = parseConversationState(readFileSync(running.stateFile));
    expect(read).toMatchObject({ state: { initialPrompt: prompt, initialPromptSent: true } });
  }),
  promptCase("no initial prompt, empty saved prompt", async (program) => {
    const running = await stable(program, { state: stateOf("Hello", "go on", "Done.") });
    await afterAWhile(program);
    expect(await textsOf(running)).toEqual(["Hello", "go on", "Done."]);
  }),

  e2eCase("state_persistence", async (program) => {
    const running = await stable(program);
    await say(running, "hello");
    const before = await textsOf(running);
    expect(before).toHaveLength(3);
    await stop(running);
    const again = await stable(program, { state: readFileSync(running.stateFile) });
    expect(await textsOf(again)).toEqual(before);
  }),
  e2eCase("state_persistence_initial_prompt", async (program) => {
    const state = await promptedState(program);
    for (const given of [[], promptFlags]) {
      const running = await startAndListen(program, { state, flags: given });
      await running.loaded();
      await afterAWhile(program);
      expect(await sentTimes(running)).toBe(1);
    }
  }),
  e2eCase("state_persistence_different_initial_prompt", async (program) => {
    const state = await promptedState(program);
    const other = ["--initial-prompt", "Another one."];
    const running = await startAndListen(program, { state, flags: other });
    await running.until("it was answered", async () => (await textsOf(running)).length === 5);
    expect(await sentTimes(running)).toBe(1);
  }),
];
