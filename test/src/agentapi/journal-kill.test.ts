import { spawn } from "node:child_process";
import { once } from "node:events";
import { resolve } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { followEvents, openJournal, type Journal } from "@taskwal/agentapi-bridge";
import { afterAll, describe, expect, it } from "vitest";

import {
  endAll,
  fakeProgram,
  newFolder,
  startAndListen,
  type RunningAgentApi,
} from "./agentapi-process.ts";

afterAll(endAll);

/** As fast as its agent allows. */
const program = fakeProgram("0.12.1", { pace: 20 });

const texts = ["one", "two"];

interface Told {
  readonly text: string;
  readonly outcome: string;
}

/** Runs the program until it has killed itself; what it had told by then. */
const runHost = async (sessionDir: string, baseUrl: string, step: string): Promise<Told[]> => {
  const host = resolve("test/src/agentapi/journal-host.mjs");
  const { NODE_OPTIONS: _, ...env } = process.env;
  const child = spawn(process.execPath, [host, sessionDir, baseUrl, step, JSON.stringify(texts)], {
    env,
    stdio: ["ignore", "pipe", "inherit"],
  });
  let out = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (out += text));
  const [, signal] = (await once(child, "close")) as [number | null, string | null];
  expect(signal, `it had come to: ${step}`).toBe("SIGKILL");
  return out.split("\n").flatMap((line) => (line === "" ? [] : [JSON.parse(line) as Told]));
};

const urlOf = ({ port }: RunningAgentApi): string => `http://127.0.0.1:${port}`;

const said = (journal: Journal): readonly string[] =>
  journal.messages().map(({ role, message }) => `${role}: ${message.trim()}`);

const saidBy = async (running: RunningAgentApi): Promise<readonly string[]> => {
  const { messages } = JSON.parse((await running.ask("GET", "/messages")).body) as {
    messages: { content: string; role: string }[];
  };
  return messages.map(({ role, content }) => `${role}: ${content.trim()}`);
};

/** Each step of the program, and how far the message has come that it is about: not begun, sent, or acknowledged. */
const steps: readonly (readonly [
  step: string,
  text: string,
  reached: "nothing" | "intended" | "sent",
])[] = [
  ["before hear 1", "one", "nothing"],
  ["after intend 1", "one", "intended"],
  ["before POST 1", "one", "intended"],
  ["after POST 1", "one", "sent"],
  ["before settle 1", "one", "sent"],
  ["after settle 1", "one", "sent"],
  ["before flush 2", "one", "sent"],
  ["before POST 2", "two", "intended"],
  ["after POST 2", "two", "sent"],
];

const outcomeIn = (journal: Journal, text: string): string | undefined =>
  journal.commands().find((command) => command.text === text)?.outcome;

describe("a program that is killed while agentapi goes on", () => {
  it.each(steps)(
    "at the step %s finds the whole conversation again, and what became of the message %j",
    async (step, text, reached) => {
      const running = await startAndListen(program);
      await running.statusIs("stable");
      const sessionDir = newFolder();
      const told = await runHost(sessionDir, urlOf(running), step);
      const journal = await openJournal({ sessionDir });
      for (const one of told) expect(outcomeIn(journal, one.text)).toBe(one.outcome);
      expect(journal.commands().every(({ outcome }) => outcome !== "pending")).toBe(true);

      const stop = new AbortController();
      const following = followEvents({ journal, baseUrl: urlOf(running), signal: stop.signal });
      await running.until("the journal has what agentapi has, and that is all", async () => {
        const all = await saidBy(running);
        return following.status() === "stable" && isDeepStrictEqual(said(journal), all);
      });
      stop.abort();
      await following.done;
      expect(said(journal)).toEqual(await saidBy(running));
      expect(said(journal).filter((one) => one === `user: ${text}`)).toHaveLength(
        reached === "sent" ? 1 : 0,
      );
      const outcomes = { nothing: undefined, intended: "indeterminate", sent: "accepted" };
      expect(outcomeIn(journal, text)).toBe(outcomes[reached]);
      await journal.close();
    },
  );
});

describe("a program that is killed, and agentapi with it", () => {
  it.each(["told 1", "before settle 2", "told 2"])(
    "at the step %s has each message of which it had said that it was accepted",
    async (step) => {
      const running = await startAndListen(program);
      await running.statusIs("stable");
      const sessionDir = newFolder();
      const told = await runHost(sessionDir, urlOf(running), step);
      running.signal("SIGKILL");
      await running.ended;
      const journal = await openJournal({ sessionDir });
      // It had saved nothing.
      await journal.recover([]);
      for (const { text } of told) {
        expect(said(journal).filter((one) => one === `user: ${text}`)).toHaveLength(1);
      }
      const accepted = journal.commands().filter(({ outcome }) => outcome === "accepted");
      for (const { text } of accepted) expect(said(journal)).toContain(`user: ${text}`);
      await journal.close();
    },
  );
});
