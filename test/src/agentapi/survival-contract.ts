/**
 * Each weakness of agentapi twice: what it costs without the bridge, and that the bridge's pieces survive it.
 *
 *     1 a save before the load    2 a message that is not saved    3 a prompt that is not delivered
 *     5 a reply like the last one    6 two on one state file    7 a message that blocks    8 a log that nobody reads
 *
 * The rule: one case, on any program; the first half fails on an agentapi that has lost the weakness, so that
 * nobody survives what is not there. (4, a save that fails in silence, is in shutdown-agentapi.test.ts.)
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { openSync, readFileSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import {
  composeConversationState,
  followEvents,
  guardState,
  openJournal,
  parseConversationState,
  readConversation,
  readShutdownRequest,
  sendMessage,
  shutdownAgentApi,
  type Journal,
  type ShutdownResult,
} from "@taskwal/agentapi-bridge";
import { openNodeDisk } from "@taskwal/disk";
import { expect } from "vitest";

import { capture } from "./agentapi-captures.ts";
import { paced, start, startAndListen, type RunningAgentApi } from "./agentapi-process.ts";
import type { ContractCase } from "./contract-case.ts";
import { startFakeCoder } from "./fake-coder.ts";
import { moduleEnvironment, savedMessages, stateOf } from "./shutdown-command.ts";

const disk = openNodeDisk();
const baseUrlOf = ({ port }: RunningAgentApi): string => `http://127.0.0.1:${port}`;

/** What became of a shutdown, and the contents that Coder has. */
const shutDown = async (
  running: RunningAgentApi,
): Promise<{ result: ShutdownResult; posted: readonly string[] }> => {
  const coder = await startFakeCoder();
  try {
    const request = readShutdownRequest(moduleEnvironment(running, coder));
    const result = await shutdownAgentApi(disk, { request });
    return { result, posted: coder.taken.at(-1)?.messages.map(({ content }) => content) ?? [] };
  } finally {
    await coder.close();
  }
};

/** A journal that follows a running program for as long as `work` takes. */
const followed = async <T>(
  running: RunningAgentApi,
  sessionDir: string,
  work: (journal: Journal) => Promise<T>,
): Promise<T> => {
  const journal = await openJournal({ sessionDir });
  const stop = new AbortController();
  const following = followEvents({ journal, baseUrl: baseUrlOf(running), signal: stop.signal });
  try {
    await following.ready;
    return await work(journal);
  } finally {
    stop.abort();
    await following.done;
    await journal.close();
  }
};

const send = (journal: Journal, running: RunningAgentApi, text: string, timeoutMs = 40_000) =>
  sendMessage({ journal, baseUrl: baseUrlOf(running), text, timeoutMs });

/** The state file as the journal says it must be, after an end. */
const repaired = async (sessionDir: string, stateFile: string): Promise<Buffer> => {
  const journal = await openJournal({ sessionDir });
  const read = parseConversationState(readFileSync(stateFile));
  await journal.recover(read.verdict === "ok" ? read.state.messages : []);
  const messages = journal.messages();
  await journal.close();
  const state = { messages, initialPrompt: "", initialPromptSent: false };
  return Buffer.from(composeConversationState(state));
};

const textsOf = async (running: RunningAgentApi): Promise<readonly string[]> => {
  const messages = await readConversation(baseUrlOf(running), { limitMs: 10_000 });
  return messages.map(({ content }) => content.trim());
};

const oldState = capture("boot-overwrite/sigusr1/state-before.json");

const beforeLoad = (kind: "SIGUSR1" | "SIGTERM"): ContractCase => ({
  name: `weakness 1: ${kind} before the load costs the old conversation, and not with the bridge`,
  run: async (program) => {
    const boot = async (): Promise<RunningAgentApi> => {
      const running = await startAndListen(program, { state: oldState, mode: "boots-for-ever" });
      await running.until("the boot screen was taken", async () =>
        (await textsOf(running)).some((text) => text.includes("loading model weights")),
      );
      return running;
    };
    const bare = await boot();
    bare.signal(kind);
    await bare.logged("State saved successfully");
    bare.signal("SIGKILL");
    await bare.ended;
    expect(savedMessages(bare).length).toBe(1);

    const stopped = await boot();
    const { result } = await shutDown(stopped);
    expect(result.withheld).toBe("it has not loaded the conversation in its state file");
    await stopped.ended;
    expect(readFileSync(stopped.stateFile)).toEqual(oldState);
  },
});

const cases: readonly ContractCase[] = [
  beforeLoad("SIGUSR1"),
  beforeLoad("SIGTERM"),
  {
    name: "weakness 1: an agent that crashes before the load costs the old conversation, and not with the bridge",
    run: async (program) => {
      const running = await start(program, { state: oldState, mode: "crashes" });
      const guard = await guardState(disk, running.stateFile);
      expect(await running.ended).toEqual([1, null]);
      expect(savedMessages(running).length).toBe(1);
      expect(await guard.restore()).toBe("restored");
      expect(readFileSync(running.stateFile)).toEqual(oldState);
    },
  },
  {
    name: "weakness 2: an accepted message is not saved, and is there after a restart with the bridge",
    run: async (program) => {
      const before = capture("lost-user-message/state-before.json");
      const text = "Show the coverage as a table.";
      const running = await startAndListen(program, { state: before, mode: "thinks" });
      await running.loaded();
      await running.statusIs("stable");
      await followed(running, running.folder, async (journal) => {
        expect((await send(journal, running, text)).outcome).toBe("accepted");
        running.signal("SIGUSR1");
        await running.until("the save was told", () =>
          /Skipping state save|State saved successfully/.test(running.stdout()),
        );
        running.signal("SIGKILL");
        await running.ended;
      });
      expect(savedMessages(running)).not.toContain(text);
      const state = await repaired(running.folder, running.stateFile);
      const again = await startAndListen(program, { state });
      await again.loaded();
      expect((await textsOf(again)).filter((each) => each === text)).toEqual([text]);
    },
  },
  {
    name: "weakness 3: a prompt counts as sent before it is, and is sent once by the bridge, whoever is killed",
    run: async (program) => {
      const prompt = "Please find out why `pnpm test` is red.";
      const bare = await startAndListen(program, { flags: ["--initial-prompt", prompt] });
      await bare.loaded();
      bare.signal("SIGUSR1");
      await bare.logged("State saved successfully");
      bare.signal("SIGKILL");
      await bare.ended;
      const after = await startAndListen(program, { state: readFileSync(bare.stateFile) });
      await after.loaded();
      await sleep(paced(program, 5000));
      expect(await textsOf(after)).not.toContain(prompt);

      const first = await startAndListen(program);
      // The intent is durable, and then both are killed: nothing was sent.
      const journal = await openJournal({ sessionDir: first.folder });
      await journal.intend(prompt);
      await journal.close();
      first.signal("SIGKILL");
      await first.ended;
      const second = await startAndListen(program);
      await followed(second, first.folder, async (reopened) => {
        const [command] = reopened.commands();
        expect(command).toMatchObject({ text: prompt, outcome: "indeterminate" });
        expect(await textsOf(second)).not.toContain(prompt);
        expect((await send(reopened, second, prompt)).outcome).toBe("accepted");
      });
      expect((await textsOf(second)).filter((each) => each === prompt)).toEqual([prompt]);
    },
  },
  {
    name: "weakness 5: a reply like the last one is dropped, and the conversation goes on after a restart",
    run: async (program) => {
      const running = await startAndListen(program, { mode: "repeats" });
      await followed(running, running.folder, async (journal) => {
        for (const text of ["first", "second"]) {
          await running.statusIs("stable");
          expect((await send(journal, running, text)).outcome).toBe("accepted");
        }
        await sleep(paced(program, 4000));
        expect((await running.ask("GET", "/status")).body).toContain('"running"');
        // What nobody can know is not there; what was said is, and a third message is refused honestly.
        expect((await send(journal, running, "third", 500)).outcome).toBe("rejected");
      });
      running.signal("SIGTERM");
      await running.ended;
      const state = await repaired(running.folder, running.stateFile);
      const again = await startAndListen(program, { state, mode: "repeats" });
      await again.loaded();
      await again.statusIs("stable");
      expect(await textsOf(again)).toEqual(expect.arrayContaining(["first", "second"]));
      expect((await again.say("third")).status).toBe(200);
    },
  },
  {
    name: "weakness 6: the last of two on one state file wins, and a second bridge is refused",
    run: async (program) => {
      const one = await startAndListen(program);
      const flags = ["--state-file", one.stateFile];
      const other = await startAndListen(program, { state: null, flags });
      for (const [running, text] of [
        [one, "of the first"],
        [other, "of the second"],
      ] as const) {
        await running.statusIs("stable");
        expect((await running.say(text)).status).toBe(200);
        await running.statusIs("stable");
        running.signal("SIGUSR1");
        await running.logged("State saved successfully");
      }
      expect(savedMessages(one)).not.toContain("of the first");

      const journal = await openJournal({ sessionDir: one.folder });
      await expect(openJournal({ sessionDir: one.folder })).rejects.toMatchObject({
        code: "LOCKED",
      });
      await journal.close();
    },
  },
  {
    name: "weakness 7: a message in flight blocks status and messages, and a shutdown still posts the log",
    run: async (program) => {
      const state = stateOf("Hello", "go on", "Done.");
      const running = await startAndListen(program, { state, mode: "silent" });
      await running.loaded();
      await running.statusIs("stable");
      const post = running.say("hello?").catch(() => undefined);
      await sleep(paced(program, 500));
      const status = running.ask("GET", "/status").then(
        () => "answered",
        () => "cut off",
      );
      const patience = sleep(paced(program, 3000), "waits");
      expect(await Promise.race([status, patience])).toBe("waits");
      const { result, posted } = await shutDown(running);
      expect(result.snapshot?.outcome).toBe("posted");
      expect(posted.slice(0, 3)).toEqual(["Hello", "go on", "Done."]);
      expect(result.ended).toBe("terminated");
      await Promise.all([post, status]);
    },
  },
  {
    name: "weakness 8: a log that nobody reads kills agentapi, and one in a file outlives its supervisor",
    run: async (program) => {
      const bare = await startAndListen(program, { stdout: "pipe" });
      await bare.statusIs("stable");
      bare.child.stdout?.destroy();
      await sleep(100);
      bare.signal("SIGUSR1");
      expect(await bare.ended).toEqual([null, "SIGPIPE"]);

      // The same again, started by a process that is killed, with a file for its log.
      const running = await startAndListen(program);
      await running.statusIs("stable");
      running.signal("SIGTERM");
      await running.ended;
      writeFileSync(running.logFile, "");
      const script = `const [file, ...words] = ${JSON.stringify(running.commandLine)};
        const { spawn } = require("node:child_process");
        const { pid } = spawn(file, words, { detached: true, stdio: ["ignore", 3, 3] });
        console.log(pid);
        setInterval(() => {}, 1e6);`;
      const supervisor = spawn(process.execPath, ["-e", script], {
        stdio: ["ignore", "pipe", "inherit", openSync(running.logFile, "a")],
        cwd: running.folder,
        env: running.environment,
      });
      const [printed] = (await once(supervisor.stdout!, "data")) as [Buffer];
      const pid = Number(printed.toString());
      const logged = async (text: string): Promise<void> => {
        for (let tries = 0; !running.stdout().includes(text); tries += 1) {
          if (tries > 1000) throw new Error(`not logged: ${text}\n${running.stdout()}`);
          await sleep(20);
        }
      };
      await logged("Successfully loaded state");
      supervisor.kill("SIGKILL");
      await once(supervisor, "exit");
      process.kill(pid, "SIGUSR1");
      await logged("Skipping state save");
      expect(disk.findProcess(pid)).toBeDefined();
      process.kill(pid, "SIGKILL");
    },
  },
];

export const survivalContract: readonly ContractCase[] = cases.map((each) => ({
  ...each,
  releases: ["0.12.1"],
}));
