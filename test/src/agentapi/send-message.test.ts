import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { openJournal, sendMessage, type Command, type Journal } from "@taskwal/agentapi-bridge";
import { createSimDisk, type SimDisk } from "@taskwal/disk/sim";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { captureText } from "./agentapi-captures.ts";

type Answer = (response: ServerResponse, body: string) => void;

const answer =
  (status: number, body: string): Answer =>
  (response) =>
    response.writeHead(status, { "Content-Type": "application/json" }).end(body);

const captured = (status: number, name: string): Answer =>
  answer(status, captureText(`http/${name}.body.json`));

let server: Server;
let sim: SimDisk;
let journal: Journal;
let pump: NodeJS.Timeout;
/** What is answered to GET /status and to POST /message. */
let onStatus: Answer;
let onMessage: Answer;
const posted: string[] = [];
let underWay = 0;
let underWayMost = 0;

const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
  const pieces: Buffer[] = [];
  for await (const piece of request) pieces.push(piece as Buffer);
  const body = Buffer.concat(pieces).toString();
  if (request.method === "GET") return onStatus(response, body);
  posted.push(body);
  underWay += 1;
  underWayMost = Math.max(underWayMost, underWay);
  response.on("close", () => {
    underWay -= 1;
  });
  return onMessage(response, body);
};

beforeEach(async () => {
  server = createServer((request, response) => void serve(request, response)).listen(
    0,
    "127.0.0.1",
  );
  await once(server, "listening");
  sim = createSimDisk();
  journal = await openJournal({ sessionDir: "/session", disk: sim.process() });
  // Simulated time goes on, much faster than the real one.
  pump = setInterval(() => sim.clock.advance(50), 1);
  onStatus = captured(200, "status-stable");
  onMessage = captured(200, "message-accepted");
  posted.length = 0;
  underWayMost = 0;
});

afterEach(async () => {
  clearInterval(pump);
  server.closeAllConnections();
  server.close();
  await journal.close();
});

const baseUrl = (): string => {
  const address = server.address();
  return `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}`;
};

const send = (text: string, signal?: AbortSignal): Promise<Command> =>
  sendMessage({ journal, baseUrl: baseUrl(), text, timeoutMs: 2000, ...(signal && { signal }) });

describe("what is said of a message that was sent", () => {
  const answers: readonly [Command["outcome"], string, Answer][] = [
    ["accepted", "it is taken", captured(200, "message-accepted")],
    ["rejected", "the agent is busy", captured(500, "error-500-busy")],
    ["rejected", "it is empty", captured(500, "error-500-empty-message")],
    ["rejected", "its type is wrong", captured(422, "error-422-type")],
    ["rejected", "it is not JSON", captured(400, "error-400-bad-json")],
    ["indeterminate", "the agent does not react", captured(500, "error-500-agent-does-not-react")],
    ["indeterminate", "the answer is not agentapi's", answer(200, "<html>")],
    ["indeterminate", "another server answers for it", answer(502, "bad gateway")],
    ["indeterminate", "the connection breaks", (response) => response.destroy()],
    ["indeterminate", "there is no answer", () => {}],
  ];

  it.each(answers)("is %s if %s, and so it is after a crash", async (outcome, _, reaction) => {
    onMessage = reaction;
    const command = await send("fix it");
    expect(command.outcome).toBe(outcome);
    expect("detail" in command).toBe(outcome !== "accepted");
    expect(journal.commands()).toEqual([command]);
    expect(posted).toEqual(['{"content":"fix it","type":"user"}']);
    sim.powerCut("none");
    journal = await openJournal({ sessionDir: "/session", disk: sim.process() });
    expect(journal.commands()).toEqual([command]);
  });

  it("is rejected if agentapi is never stable, and nothing is sent", async () => {
    onStatus = captured(200, "status-running");
    expect(await send("x")).toMatchObject({
      outcome: "rejected",
      detail: "agentapi did not wait for a message within 2000 ms",
    });
    expect(posted).toEqual([]);
  });

  it("is rejected if agentapi does not even say how it is, and nothing is sent", async () => {
    onStatus = () => {};
    expect((await send("x")).outcome).toBe("rejected");
    expect(posted).toEqual([]);
  });

  it("is rejected if nobody listens", async () => {
    const url = baseUrl();
    server.close();
    await once(server, "close");
    const command = await sendMessage({ journal, baseUrl: url, text: "x", timeoutMs: 2000 });
    expect(command).toMatchObject({
      outcome: "rejected",
      detail: "there is no agentapi: ECONNREFUSED",
    });
  });

  it("is rejected if it is given up before it is sent, and indeterminate afterwards", async () => {
    const stop = new AbortController();
    onStatus = (response) => {
      stop.abort();
      captured(200, "status-running")(response, "");
    };
    expect((await send("x", stop.signal)).outcome).toBe("rejected");
    expect(posted).toEqual([]);
    onStatus = captured(200, "status-stable");
    const later = new AbortController();
    onMessage = () => later.abort();
    expect(await send("x", later.signal)).toMatchObject({
      outcome: "indeterminate",
      detail: "it was given up before agentapi answered",
    });
  });

  it("is accepted if the message was told, though the answer was lost", async () => {
    await journal.hear({ id: 0, role: "agent", message: "hi", time: "2026-11-22T02:40:10Z" });
    onMessage = (response) => {
      const told = { id: 1, role: "user", message: "x", time: "2026-11-22T02:40:11Z" } as const;
      void journal.hear(told).then(() => response.destroy());
    };
    expect(await send("x")).toEqual({ id: "1", text: "x", afterId: 0, outcome: "accepted" });
  });
});

describe("a message", () => {
  it("is known to be intended before anything of it is sent, also if the power fails", async () => {
    const states: ReturnType<SimDisk["snapshotState"]>[] = [];
    onMessage = (response, body) => {
      states.push(sim.snapshotState());
      captured(200, "message-accepted")(response, body);
    };
    await send("x");
    const [state] = states;
    if (state) sim.restore(state);
    sim.powerCut("none");
    journal = await openJournal({ sessionDir: "/session", disk: sim.process() });
    expect(journal.commands()).toEqual([
      {
        id: "1",
        text: "x",
        afterId: -1,
        outcome: "indeterminate",
        detail: "the bridge ended before agentapi answered",
      },
    ]);
  });

  it("is not sent if it could not be recorded as intended", async () => {
    sim.capacityBytes = sim.usedBytes;
    await expect(send("x")).rejects.toThrow();
    expect(posted).toEqual([]);
    sim.capacityBytes = undefined;
  });

  it("is sent when the one before has its answer, in the order in which they were given", async () => {
    onMessage = (response, body) => {
      setTimeout(() => captured(200, "message-accepted")(response, body), 20);
    };
    const all = await Promise.all(["a", "b", "c"].map((text) => send(text)));
    expect(all.map(({ id, text, outcome }) => [id, text, outcome])).toEqual([
      ["1", "a", "accepted"],
      ["2", "b", "accepted"],
      ["3", "c", "accepted"],
    ]);
    expect(posted.map((body) => (JSON.parse(body) as { content: string }).content)).toEqual([
      "a",
      "b",
      "c",
    ]);
    expect(underWayMost).toBe(1);
  });

  it("waits until agentapi is stable", async () => {
    let asked = 0;
    onStatus = (response, body) => {
      asked += 1;
      captured(200, asked < 4 ? "status-running" : "status-stable")(response, body);
    };
    expect((await send("x")).outcome).toBe("accepted");
    expect(asked).toBe(4);
  });
});
