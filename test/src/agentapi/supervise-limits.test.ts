/**
 * Supervision of an agentapi that does not do what it should: bounded, said, and nothing lost.
 */
import { once } from "node:events";
import { chmodSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";

import { endAll, fakeProgram } from "./agentapi-process.ts";
import { startFakeCoder } from "./fake-coder.ts";
import type { SomeToggles } from "./fake-toggles.ts";
import { disk, endSessions, said, Session, turn, until } from "./supervised-session.ts";

afterAll(() => {
  endSessions();
  endAll();
});

const greeting = "agent: demo-agent 1.3.0 – type a message";
const before = [greeting, "user: hello", "agent: You said: hello"];

const stoppedSession = async (toggles: SomeToggles = {}): Promise<Session> => {
  const session = await Session.of(fakeProgram("0.12.1", toggles));
  const supervised = await session.supervise();
  await turn(supervised, "hello");
  await supervised.stop();
  return session;
};

describe.concurrent("a supervisor", () => {
  it("says that an agent never gets ready, sends it nothing, asks for no save, and keeps what was said before", async () => {
    const session = await stoppedSession();
    const env = session.toggled({ ready: "never" });
    const limits = { loadMs: 300, sendMs: 300 };
    const supervised = await session.supervise({ env, limits });
    expect(session.names).toContain("not-ready");
    expect(await supervised.send("hello?")).toMatchObject({
      outcome: "rejected",
      detail: "the agent is not ready",
    });
    expect(await supervised.checkpoint()).toMatchObject({ verdict: "unverified" });
    const { ended, checkpoint } = await supervised.stop();
    expect([ended, checkpoint]).toEqual(["terminated", undefined]);
    // At its end agentapi has replaced the state by a boot screen, which it had not loaded.
    expect(session.events.at(-2)).toMatchObject({ event: "reconciled", outcome: "repaired" });
    expect(session.saved).toEqual(before);
  });

  it("gets on where agentapi never answers a message, and says that nobody knows what became of it", async () => {
    const session = await stoppedSession();
    const env = session.toggled({ postHold: "forever", ignoreTerm: true });
    const limits = { sendMs: 500, checkpointMs: 1000, termMs: 500, killMs: 1000 };
    const supervised = await session.supervise({ env, limits });
    expect((await supervised.send("hello?")).outcome).toMatch(/indeterminate|accepted/);
    const coder = await startFakeCoder();
    const { ended, snapshot } = await supervised.stop({
      taskId: "test-task",
      coder: { url: coder.url, token: "test-token" },
    });
    await coder.close();
    expect([ended, snapshot?.outcome]).toEqual(["killed", "posted"]);
    const posted = coder.taken[0]?.messages.map(
      ({ role, content }) => `${role}: ${content.trim()}`,
    );
    expect(posted?.slice(0, 3)).toEqual(before);
    expect(session.saved?.slice(0, 3)).toEqual(before);
  });

  it("is told of a save that failed on a full disk, and the conversation is there in the next life", async () => {
    const session = await stoppedSession();
    const env = session.toggled({ saveFail: "ENOSPC" });
    const supervised = await session.supervise({ env });
    await turn(supervised, "is there room?");
    expect(await supervised.checkpoint()).toMatchObject({
      verdict: "failed",
      reason: expect.stringContaining("no space left on device"),
    });
    await supervised.stop();
    const conversation = [...before, "user: is there room?", "agent: You said: is there room?"];
    expect(session.saved).toEqual(conversation);
    const next = await session.supervise();
    expect(said(next)).toEqual(conversation);
    await next.stop();
  });

  it("asks once more for a save that was under way when something was said", async () => {
    const session = await Session.of(fakeProgram("0.12.1", { saveDelayMs: 1000 }));
    const supervised = await session.supervise();
    const log = (): string => readFileSync(session.logFile, "utf8");
    await until("it saves", () => log().includes("Received SIGUSR1"));
    await turn(supervised, "hello");
    await until("it has saved", () => session.names.includes("checkpoint"));
    await supervised.stop();
    const verdicts = session.events.flatMap((one) =>
      one.event === "checkpoint" ? one.verdict : [],
    );
    expect(new Set(verdicts)).not.toContain("behind");
    expect(session.saved).toEqual(before);
  });

  it("runs an agentapi that keeps no state with a warning, and never signals it for one", async () => {
    const session = await Session.of(fakeProgram("0.11.8"));
    const supervised = await session.supervise();
    expect(session.events[0]).toMatchObject({
      event: "warning",
      reason: expect.stringContaining("needs agentapi 0.12.0 or later"),
    });
    await turn(supervised, "hello");
    expect((await supervised.checkpoint()).verdict).toBe("unverified");
    const { ended, checkpoint } = await supervised.stop();
    expect([ended, checkpoint, session.saved]).toEqual(["terminated", undefined, undefined]);
    // Its own conversation is gone; the journal's is not.
    const next = await session.supervise();
    expect(said(next).slice(0, 3)).toEqual(before);
    await next.stop();
  });

  it("skips state for a program that the registry's gate takes for a new one, and that has no flags of it", async () => {
    const session = await Session.of(fakeProgram("0.11.8"));
    const binary = join(session.folder, "agentapi-dev");
    const script = `[ "$1" = --version ] && echo "agentapi version 0.11.8-rc1" && exit`;
    writeFileSync(binary, `#!/bin/sh\n${script}\nexec agentapi "$@"\n`);
    chmodSync(binary, 0o755);
    const supervised = await session.supervise({ binary, gate: "registry" });
    expect(session.events[0]).toMatchObject({
      event: "warning",
      reason: expect.stringContaining("its help has no flags of state"),
    });
    await turn(supervised, "hello");
    await supervised.stop();
  });

  it("neither saves nor loads where that was turned off, and keeps the journal all the same", async () => {
    const session = await Session.of(fakeProgram("0.12.1"));
    const supervised = await session.supervise({ enableStatePersistence: false });
    await turn(supervised, "hello");
    const { argv = [] } = disk.findProcess(supervised.agent.identity.pid) ?? {};
    expect(argv).not.toContain("--state-file");
    expect(argv).toContain("--pid-file");
    await supervised.stop();
    expect(session.saved).toBe(undefined);
  });

  it("does not start on a port where another program listens, nor one that is not there", async () => {
    const session = await Session.of(fakeProgram("0.12.1"));
    const stranger = createServer().listen(session.port, "127.0.0.1");
    await once(stranger, "listening");
    await expect(session.supervise()).rejects.toThrow("another program listens on port");
    stranger.close();
    const binary = join(session.folder, "no-such-program");
    await expect(session.supervise({ binary })).rejects.toThrow("could not be run");
    await expect(session.supervise({ command: ["no-such-agent"] })).rejects.toMatchObject({
      code: "AGENTAPI_NOT_STARTED",
      printed: expect.stringContaining("executable file not found"),
    });
    // Nothing of it stands in the way of the next start.
    const supervised = await session.supervise();
    await turn(supervised, "hello");
    expect(said(supervised)).toEqual(before);
    await supervised.stop();
  });

  it("hands no variable of agentapi on to the agent, and tells agentapi by flags what they say", async () => {
    const session = await Session.of(fakeProgram("0.12.1"));
    const environmentFile = join(session.folder, "agent-environment");
    const [program = "", ...words] = session.agent();
    const agent = `env > '${environmentFile}'; exec ${program} ${words.map((word) => `'${word}'`).join(" ")}`;
    const supervised = await session.supervise({
      command: ["sh", "-c", agent],
      env: {
        AGENTAPI_ALLOWED_HOSTS: "*",
        AGENTAPI_CHAT_BASE_PATH: "/@me/x/apps/y/chat",
        AGENTAPI_STATE_FILE: join(session.folder, "agentapi-state.json"),
        AGENTAPI_INITIAL_PROMPT: "hello",
        KEPT: "as it is",
      },
    });
    const { argv = [] } = disk.findProcess(supervised.agent.identity.pid) ?? {};
    expect(argv.join(" ")).toContain("--allowed-hosts * --chat-base-path /@me/x/apps/y/chat");
    expect(argv).toContain(join(session.folder, "agentapi-state.json"));
    const environment = readFileSync(environmentFile, "utf8");
    expect(environment).toContain("KEPT=as it is");
    expect(environment).not.toMatch(/^AGENTAPI_/m);
    await until("the prompt was sent", () => said(supervised).length === 3);
    expect(said(supervised)).toEqual(before);
    await supervised.stop();
    // And once only in the life of the conversation.
    const next = await session.supervise({
      env: {
        AGENTAPI_STATE_FILE: join(session.folder, "agentapi-state.json"),
        AGENTAPI_INITIAL_PROMPT: "hello",
      },
    });
    await turn(next, "more");
    expect(said(next)).toEqual([...before, "user: more", "agent: You said: more"]);
    await next.stop();
  });

  it("goes on where the clock jumps by years, back and forth, whenever it is looked at", async () => {
    // A save that takes a while is waited for, by a clock that does not jump.
    const session = await Session.of(fakeProgram("0.12.1", { saveDelayMs: 200 }));
    const yearMs = 365 * 86_400_000;
    let looks = 0;
    const now = (): number => disk.clock.now() + 10 * yearMs * (((looks += 3) % 7) - 3);
    const jumping = { ...disk, clock: { ...disk.clock, now } };
    const supervised = await session.supervise({ disk: jumping });
    await turn(supervised, "hello");
    expect((await supervised.stop()).ended).toBe("terminated");
    const verdicts = session.events.flatMap((one) =>
      one.event === "checkpoint" ? one.verdict : [],
    );
    expect(verdicts.filter((one) => !/^(verified|clean)$/.test(one))).toEqual([]);
    expect(session.saved).toEqual(before);
    const next = await session.supervise();
    expect(said(next)).toEqual(before);
    await next.stop();
  });
});

describe.concurrent("the state file before a start", () => {
  const damages: readonly (readonly [string, (text: string) => string])[] = [
    ["cut", (text) => text.slice(0, -20)],
    ["empty", () => ""],
    ["followed by something else", (text) => `${text}{}`],
    ["of a newer version", (text) => text.replace('"version":1', '"version":2')],
    ["without its last messages", (text) => text.replace(/,\{"id":1.*\}\]/, "]")],
    ["of another conversation", (text) => text.replaceAll("hello", "goodbye")],
    ["without messages", () => '{"version":1}\n'],
  ];
  it.each(damages)("is written from the journal, and is not lost: %s", async (what, damage) => {
    const session = await stoppedSession();
    const harmed = damage(readFileSync(session.stateFile, "utf8"));
    writeFileSync(session.stateFile, harmed);
    const supervised = await session.supervise();
    expect(session.saved).toEqual(before);
    await turn(supervised, "more");
    expect(said(supervised)).toEqual([...before, "user: more", "agent: You said: more"]);
    await supervised.stop();
    // A beginning of the journal is in the journal.
    if (what === "without its last messages") return;
    const aside = readdirSync(join(session.folder, "quarantine"));
    const contents = aside.map((name) =>
      readFileSync(join(session.folder, "quarantine", name), "utf8"),
    );
    expect(contents).toContain(harmed);
  });
});
