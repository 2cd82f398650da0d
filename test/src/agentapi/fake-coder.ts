/**
 * The one endpoint of a Coder that takes the log of a task, with what it may answer.
 *
 *     204, 500, …   a status        "hangs"   takes the request, never answers        "resets"   breaks it off
 *
 * The rule: it refuses what the real one refuses: another path, query, method, no token, a body over 64 KiB or
 * without messages. The answers are given in turn, the last one from then on.
 */
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export type CoderAnswer = number | "hangs" | "resets";

export interface TakenSnapshot {
  readonly taskId: string;
  readonly token: string;
  readonly bytes: number;
  readonly messages: readonly {
    readonly id: number;
    readonly content: string;
    readonly role?: string;
  }[];
}

export interface FakeCoder {
  readonly url: string;
  /** All requests that had a right to be answered, in their order. */
  readonly requests: readonly TakenSnapshot[];
  /** Those that were answered with 204. */
  readonly taken: readonly TakenSnapshot[];
  /** What it answers from now on. */
  answer(...answers: readonly CoderAnswer[]): void;
  close(): Promise<void>;
}

const bodyBytesMax = 64 * 1024;

export const startFakeCoder = async (...first: readonly CoderAnswer[]): Promise<FakeCoder> => {
  let answers: readonly CoderAnswer[] = first.length === 0 ? [204] : first;
  const requests: TakenSnapshot[] = [];
  const taken: TakenSnapshot[] = [];
  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const [answer = 204, ...later] = answers;
    if (later.length > 0) answers = later;
    const pieces: Buffer[] = [];
    for await (const piece of request) pieces.push(piece as Buffer);
    const snapshot = snapshotOf(request, Buffer.concat(pieces));
    if (typeof snapshot === "string") return void response.writeHead(400).end(snapshot);
    requests.push(snapshot);
    if (answer === "hangs") return;
    if (answer === "resets") return void request.socket.destroy();
    if (answer === 204) taken.push(snapshot);
    response.writeHead(answer, answer === 302 ? { Location: "http://127.0.0.1:9/elsewhere" } : {});
    response.end(answer === 204 ? undefined : `said ${answer}`);
  };
  const server = createServer((request, response) => void serve(request, response));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    taken,
    answer: (...next) => {
      answers = next;
    },
    close: async () => {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
};

/** The words of a refusal, or what was sent. */
const snapshotOf = (
  { method, url = "", headers }: IncomingMessage,
  body: Buffer,
): TakenSnapshot | string => {
  const [, taskId] =
    /^\/api\/v2\/workspaceagents\/me\/tasks\/([^/?]+)\/log-snapshot\?format=agentapi$/.exec(url) ??
    [];
  if (method !== "POST" || taskId === undefined) return `no such endpoint: ${method} ${url}`;
  const token = headers["coder-session-token"];
  if (typeof token !== "string" || token === "") return "no token";
  if (headers["content-type"] !== "application/json") return "no JSON";
  if (body.length > bodyBytesMax) return "request body too large";
  const { messages } = JSON.parse(body.toString()) as Partial<TakenSnapshot>;
  if (!messages) return "no messages";
  return { taskId: decodeURIComponent(taskId), token, bytes: body.length, messages };
};
