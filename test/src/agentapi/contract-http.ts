/**
 * The contract over HTTP: each captured answer and stream is asked for again.
 *
 * The rule: status, the headers that a client reads, and the body are equal, but for what
 * agentapi-shape.ts masks.
 */
import { createEventStreamReader, type StreamEvent } from "@taskwal/agentapi-bridge";
import { expect } from "vitest";

import { capture, captureText } from "./agentapi-captures.ts";
import {
  startAndListen,
  unhurried,
  type Answer,
  type EventsOfTest,
  type RunningAgentApi,
} from "./agentapi-process.ts";
import { maskJson, shapeOfStart } from "./agentapi-shape.ts";
import { allReleases, type ContractCase } from "./contract-case.ts";

const headerNames = [
  "allow",
  "cache-control",
  "content-type",
  "expires",
  "link",
  "pragma",
  "vary",
  "x-accel-buffering",
  "x-content-type-options",
  "x-proxy-buffering",
];

interface Head {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
}

/** The head that was captured with a body. */
const captured = (name: string): Head => {
  const heads = JSON.parse(captureText("response-heads.json")) as Record<string, string>;
  const [first = "", ...lines] = (heads[name] ?? "").split("\r\n");
  const headers = lines
    .map((line) => /^([^:]+): (.*)$/.exec(line))
    .map((match): [string, string] => [match?.[1]?.toLowerCase() ?? "", match?.[2] ?? ""])
    .filter(([header]) => headerNames.includes(header));
  return { status: Number(first.split(" ")[1]), headers: Object.fromEntries(headers) };
};

const headOf = ({ status, headers }: Pick<Answer, "status" | "headers">): Head => ({
  status,
  headers: Object.fromEntries(
    headerNames.flatMap((name) => {
      const value = headers[name];
      return typeof value === "string" ? [[name, value]] : [];
    }),
  ),
});

const expectAnswer = (answer: Answer, name: string): void => {
  expect(headOf(answer)).toEqual(captured(`http/${name}`));
  expect(maskJson(answer.body)).toBe(maskJson(captureText(`http/${name}`)));
};

const expectStream = (stream: { headers: Answer["headers"] }, name: string): void => {
  expect(headOf({ status: 200, headers: stream.headers })).toEqual(captured(name));
};

/** Waits until a stream has told as much as a captured one did, and compares. */
export const expectTold = async (
  running: RunningAgentApi,
  stream: EventsOfTest,
  name: string,
  shape: (events: readonly StreamEvent[]) => readonly unknown[],
): Promise<void> => {
  const wanted = shape(createEventStreamReader().push(capture(name)));
  await running
    .until(`as much was told as in ${name}`, () => shape(stream.events).length >= wanted.length)
    .catch((error: unknown) => {
      // What was told instead says more than that it was too little.
      expect(shape(stream.events)).toEqual(wanted);
      throw error;
    });
  expect(shape(stream.events)).toEqual(wanted);
};

const greeting = "Hi! What can you see in this project?";
const post = (body: string, contentType = "application/json") =>
  ["POST", "/message", { body, headers: { "Content-Type": contentType } }] as const;

/** What each captured refusal was asked with. */
const refusals: Readonly<Record<string, readonly [string, string, object?]>> = {
  "error-400-bad-json.body.json": post('{"content":'),
  "error-400-no-body.body.json": ["POST", "/message"],
  "error-400-host.body.txt": ["GET", "/status", { headers: { Host: "example.com" } }],
  "error-404.body.txt": ["GET", "/nothing-here"],
  "error-405.body.txt": ["GET", "/message"],
  "error-415-content-type.body.json": post("hello", "text/plain"),
  "error-422-missing-fields.body.json": post("{}"),
  "error-422-type.body.json": post('{"content":"x","type":"zzz"}'),
  "error-500-empty-message.body.json": post('{"content":" \\n ","type":"user"}'),
};

export const httpContract: readonly ContractCase[] = [
  {
    name: "answers while it starts, and when it waits, as captured",
    run: async (program) => {
      const running = await startAndListen(unhurried(program));
      expectAnswer(await running.ask("GET", "/status"), "status-running-at-start.body.json");
      await running.statusIs("stable");
      expectAnswer(await running.ask("GET", "/status"), "status-stable.body.json");
      expectAnswer(await running.ask("GET", "/messages"), "messages-0-turns.body.json");
    },
  },
  {
    name: "refuses each wrong request as captured",
    run: async (program) => {
      const running = await startAndListen(program);
      await running.statusIs("stable");
      for (const [name, [method, path, rest]] of Object.entries(refusals)) {
        expectAnswer(await running.ask(method, path, rest), name);
      }
    },
  },
  {
    name: "describes itself as captured, and only a release with state has the event agent_error",
    releases: allReleases,
    run: async (program) => {
      const running = await startAndListen(program);
      const answer = await running.ask("GET", "/openapi.json");
      const name = `openapi-v${program.release}.body.json`;
      expect(headOf(answer)).toEqual(captured(`http/${name}`));
      expect(JSON.parse(answer.body)).toEqual(JSON.parse(captureText(`http/${name}`)));
      expect(answer.body.includes('"agent_error"')).toBe(program.release !== "0.11.8");
    },
  },
  {
    name: "accepts one message, is busy until the reply is there, and tells it all in order",
    releases: allReleases,
    run: async (program) => {
      const running = await startAndListen(program);
      const stream = await running.events();
      await running.statusIs("stable");
      expectAnswer(await running.say(greeting), "message-accepted.body.json");
      if (program.release !== "0.11.8") {
        expectAnswer(await running.ask("GET", "/status"), "status-running.body.json");
      }
      expectAnswer(await running.say("too early"), "error-500-busy.body.json");
      await running.statusIs("stable");
      const name = "v0.12.0-one-turn.sse";
      expectStream(stream, `sse/${name}`);
      await expectTold(running, stream, `sse/${name}`, shapeOfStart);
      if (program.release === "0.11.8") {
        expectAnswer(await running.ask("GET", "/status"), "status-v0.11.8.body.json");
        expectAnswer(await running.ask("GET", "/messages"), "messages-v0.11.8.body.json");
      }
    },
  },
  {
    name: "stores a message without the white space around it, and takes raw keys for no message",
    run: async (program) => {
      const running = await startAndListen(program);
      await running.statusIs("stable");
      expect((await running.say("  x \n")).status).toBe(200);
      const raw = { body: JSON.stringify({ content: "\u001B", type: "raw" }) };
      await running.statusIs("stable");
      expect((await running.ask("POST", "/message", raw)).status).toBe(200);
      const { messages } = JSON.parse((await running.ask("GET", "/messages")).body) as {
        messages: { content: string; role: string }[];
      };
      expect(messages.map(({ role, content }) => [role, content.trimEnd()])).toEqual([
        ["agent", "demo-agent 1.3.0 – type a message"],
        ["user", "x"],
        ["agent", "You said: x"],
      ]);
    },
  },
  {
    name: "replays a loaded conversation to a new stream, byte for byte, and then its status",
    run: async (program) => {
      const running = await startAndListen(program, { state: capture("states/turns-30.json") });
      await running.loaded();
      await running.statusIs("stable");
      const stream = await running.events();
      const name = "sse/fresh-connect-30-turns.sse";
      const expected = createEventStreamReader().push(capture(name));
      await running.until("the replay is there", () => stream.events.length >= expected.length);
      expectStream(stream, name);
      expect(stream.events).toEqual(expected);
      const answer = await running.ask("GET", "/messages");
      expect(answer.body.replace(`:${running.port}/`, ":3284/")).toBe(
        captureText("http/messages-30-turns.body.json"),
      );
    },
  },
  {
    name: "tells the boot screen, then the restored messages, then one turn more",
    run: async (program) => {
      const running = await startAndListen(program, { state: capture("states/turns-05.json") });
      const stream = await running.events();
      await running.loaded();
      await running.statusIs("stable");
      expectAnswer(await running.ask("GET", "/messages"), "messages-after-load.body.json");
      expect((await running.say("Show the coverage as a table.")).status).toBe(200);
      await running.statusIs("stable");
      // The text of the captured turn was made by another agent: its ids and roles are compared.
      await expectTold(running, stream, "sse/load-ok-then-one-turn.sse", (events) =>
        shapeOfStart(events).map((event) =>
          event.kind === "message_update"
            ? [event.id, event.role, event.id < 12 ? event.message : ""]
            : event,
        ),
      );
    },
  },
];
