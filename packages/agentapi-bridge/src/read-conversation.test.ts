import { EventEmitter, once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { afterAll, describe, expect, it } from "vitest";

import { readConversation } from "./read-conversation.ts";

type Answer = (response: ServerResponse) => void;

const servers: Server[] = [];
afterAll(() => {
  for (const server of servers) {
    server.close();
    server.closeAllConnections();
  }
});

const serving = async (answers: Readonly<Record<string, Answer>>): Promise<string> => {
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    const answer = answers[request.url ?? ""];
    if (answer) return answer(response);
    response.writeHead(404).end();
  }).listen(0, "127.0.0.1");
  servers.push(server);
  await once(server, "listening");
  const address = server.address();
  return `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}`;
};

const time = "2026-01-01T00:00:00Z";
const greeting = { id: 0, role: "agent", content: "Hello", time };
const accepted = { id: 1, role: "user", content: "just accepted", time };

/** As agentapi frames what was told up to its last tick. */
const tellsGreeting: Answer = (response) => {
  const { content: message, ...rest } = greeting;
  response.writeHead(200, { "Content-Type": "text/event-stream" });
  response.write(`event: message_update\ndata: ${JSON.stringify({ ...rest, message })}\n\n`);
  response.write('event: status_change\ndata: {"status":"stable","agent_type":"custom"}\n\n');
};

const answersWith =
  (messages: readonly object[]): Answer =>
  (response) => {
    response.end(JSON.stringify({ messages }));
  };

const contentsOf = async (baseUrl: string, limitMs = 10_000): Promise<readonly string[]> =>
  (await readConversation(baseUrl, { limitMs })).map(({ content }) => content);

describe("the conversation of a running agentapi", () => {
  it("has a message that was accepted and is not told yet", async () => {
    const baseUrl = await serving({
      "/events": tellsGreeting,
      "/messages": answersWith([greeting, accepted]),
    });
    expect(await contentsOf(baseUrl)).toEqual(["Hello", "just accepted"]);
  });

  it("has a message that came between the two answers", async () => {
    const answered = new EventEmitter();
    const isAnswered = once(answered, "messages");
    const baseUrl = await serving({
      "/events": (response) => void isAnswered.then(() => tellsGreeting(response)),
      "/messages": (response) => {
        response.once("close", () => answered.emit("messages"));
        answersWith([])(response);
      },
    });
    expect(await contentsOf(baseUrl)).toEqual(["Hello"]);
  });

  it("is what was told while a message in flight holds its lock, whose question is withdrawn", async () => {
    let isWithdrawn: Promise<unknown> | undefined;
    const baseUrl = await serving({
      "/events": tellsGreeting,
      "/messages": (response) => {
        isWithdrawn = once(response, "close");
      },
    });
    expect(await contentsOf(baseUrl)).toEqual(["Hello"]);
    await isWithdrawn;
  });

  it("is asked for once more where the connection breaks", async () => {
    let questions = 0;
    const baseUrl = await serving({
      "/messages": (response) => {
        questions += 1;
        if (questions === 1) response.destroy();
        else answersWith([greeting, accepted])(response);
      },
    });
    expect(await contentsOf(baseUrl)).toEqual(["Hello", "just accepted"]);
  });

  it("is an error where neither answers within the limit", async () => {
    const baseUrl = await serving({ "/events": () => {}, "/messages": () => {} });
    await expect(contentsOf(baseUrl, 300)).rejects.toThrow("it took longer than 300 ms");
  });
});
