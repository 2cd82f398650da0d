/**
 * HTTP as the real program serves it: its answers, its errors to the letter, its streams of events.
 *
 *     POST /message  holds the lock to its end          GET /status, /messages  wait for it
 *     GET /events    never waits
 *
 * The rule: what a client could see and the captures show is the same. Not here: uploads, the chat pages,
 * and requests from other origins. It listens on the loopback address only, the real one on all.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { readFileSync } from "node:fs";
import { join } from "node:path";

import type { FakeConversation, Told } from "./fake-conversation.ts";
import { SendError } from "./fake-conversation.ts";
import type { ServerFlags } from "./fake-flags.ts";
import { log } from "./fake-log.ts";
import { goJson } from "./fake-state-file.ts";
import type { Toggles } from "./fake-toggles.ts";

interface Problem {
  readonly status: number;
  readonly title: string;
  readonly detail: string;
  readonly errors?: readonly object[];
}

class Refusal extends Error {
  readonly problem: Problem;
  constructor(problem: Problem) {
    super(problem.detail);
    this.problem = problem;
  }
}

const titles: Readonly<Record<number, string>> = {
  400: "Bad Request",
  415: "Unsupported Media Type",
  422: "Unprocessable Entity",
  500: "Internal Server Error",
};

const invalid = (status: number, errors: readonly object[]): Refusal =>
  new Refusal({ title: titles[status] ?? "", status, detail: "validation failed", errors });

export class FakeHttp {
  readonly #conversation: FakeConversation;
  readonly #flags: ServerFlags;
  readonly #toggles: Toggles;
  readonly #fixtures: string;
  readonly #server: Server;
  readonly #streams = new Map<number, ServerResponse>();
  #streamCount = 0;
  #posts = 0;
  /** The end of the last POST that has the lock or waits for it. */
  #lock: Promise<void> = Promise.resolve();

  constructor(
    conversation: FakeConversation,
    flags: ServerFlags,
    toggles: Toggles,
    fixtures: string,
  ) {
    this.#conversation = conversation;
    this.#flags = flags;
    this.#toggles = toggles;
    this.#fixtures = fixtures;
    this.#server = createServer((request, response) => {
      void this.#serve(request, response).catch((error: unknown) => {
        sendProblem(request, response, problemOf(error));
      });
    });
  }

  listen(port: number): Promise<void> {
    return new Promise((done, failed) => {
      this.#server.once("error", failed);
      this.#server.listen(port, "127.0.0.1", () => done());
    });
  }

  tell(told: Told): void {
    for (const stream of this.#streams.values()) stream.write(framed(told));
  }

  endStreams(): void {
    for (const [subscriberId, stream] of this.#streams) {
      log("INFO", "Server stop initiated, unsubscribing.", { subscriberId });
      stream.end();
    }
    this.#streams.clear();
  }

  /** Waits for messages that are being sent, `limitMs` at most. False if one is left. */
  async stop(limitMs: number): Promise<boolean> {
    this.#server.close();
    // What was written to the streams goes out first.
    await new Promise((done) => setImmediate(done));
    const limit = new Promise<boolean>((done) => setTimeout(() => done(false), limitMs));
    return this.#posts === 0 ? true : Promise.race([this.#lock.then(() => true), limit]);
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { allowedHosts, chatBasePath } = this.#flags;
    const host = (request.headers.host ?? "").replace(/:\d+$/, "").replace(/^\[(.*)\]$/, "$1");
    if (!allowedHosts.includes("*") && !allowedHosts.includes(host)) {
      const text = `Invalid host header. Allowed hosts: ${allowedHosts.join(", ")}`;
      return sendText(response, 400, text);
    }
    response.setHeader("Vary", "Origin");
    const path = (request.url ?? "/").replace(/\?.*$/s, "");
    if (path === "/") {
      response.writeHead(307, { Location: `${chatBasePath}/embed` }).end();
      return;
    }
    const allowed = {
      "/status": "GET",
      "/messages": "GET",
      "/events": "GET",
      "/openapi.json": "GET",
    };
    const method = path === "/message" ? "POST" : allowed[path as keyof typeof allowed];
    if (method === undefined) return sendText(response, 404, "404 page not found");
    if (request.method !== method) {
      response.writeHead(405, { Allow: method, "Content-Length": 0 }).end();
      return;
    }
    switch (path) {
      case "/status":
        return this.#status(request, response);
      case "/messages":
        return this.#messages(request, response);
      case "/message":
        return this.#post(request, response);
      case "/events":
        return this.#events(response);
      default:
        return this.#openApi(response);
    }
  }

  async #status(request: IncomingMessage, response: ServerResponse): Promise<void> {
    await this.#lock;
    const { status } = this.#conversation;
    sendJson(request, response, "StatusResponseBody", {
      status,
      agent_type: this.#flags.agentType,
      ...(this.#toggles.release !== "0.11.8" && { transport: "pty" }),
    });
  }

  async #messages(request: IncomingMessage, response: ServerResponse): Promise<void> {
    await this.#lock;
    const messages = this.#conversation.messages.map(({ id, message, role, time }) => ({
      id,
      content: message,
      role,
      time,
    }));
    sendJson(request, response, "MessagesResponseBody", { messages });
  }

  async #post(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { content, type } = await readMessage(request);
    const before = this.#lock;
    let unlock = (): void => {};
    this.#lock = new Promise((done) => {
      unlock = done;
    });
    await before;
    this.#posts += 1;
    try {
      if (type === "raw") this.#conversation.typeRaw(content);
      else await this.#conversation.send(content);
      sendJson(request, response, "MessageResponseBody", { ok: true });
    } finally {
      this.#posts -= 1;
      unlock();
    }
  }

  async #events(response: ServerResponse): Promise<void> {
    const subscriberId = this.#streamCount;
    this.#streamCount += 1;
    log("INFO", "New subscriber", { subscriberId });
    response.writeHead(200, {
      "Cache-Control": "no-cache, no-store, must-revalidate",
      "Content-Type": "text/event-stream",
      Expires: "0",
      Pragma: "no-cache",
      "X-Accel-Buffering": "no",
      "X-Proxy-Buffering": "no",
    });
    response.flushHeaders();
    if (this.#toggles.sseStall) return;
    for (const told of this.#conversation.replay()) response.write(framed(told));
    this.#streams.set(subscriberId, response);
    response.on("close", () => {
      if (this.#streams.delete(subscriberId)) log("INFO", "Context done", { subscriberId });
    });
    await Promise.resolve();
  }

  async #openApi(response: ServerResponse): Promise<void> {
    const name = `http/openapi-v${this.#toggles.release}.body.json`;
    response.writeHead(200, { "Content-Type": "application/vnd.oai.openapi+json" });
    response.end(readFileSync(join(this.#fixtures, name)));
    await Promise.resolve();
  }
}

const framed = ({ event, data }: Told): string => `event: ${event}\ndata: ${goJson(data)}\n\n`;

const sendText = (response: ServerResponse, status: number, text: string): void => {
  response.writeHead(status, {
    "Content-Type": "text/plain; charset=utf-8",
    "X-Content-Type-Options": "nosniff",
  });
  response.end(`${text}\n`);
};

const sendJson = (
  request: IncomingMessage,
  response: ServerResponse,
  schema: string,
  body: object,
  status = 200,
): void => {
  const type = status === 200 ? "application/json" : "application/problem+json";
  const $schema = `http://${request.headers.host}/schemas/${schema}.json`;
  // These answers leave < > & as they are.
  const text = `${JSON.stringify({ $schema, ...body })
    .replaceAll("\u2028", "\\u2028")
    .replaceAll("\u2029", "\\u2029")}\n`;
  response.writeHead(status, {
    "Content-Type": type,
    Link: `</schemas/${schema}.json>; rel="describedBy"`,
  });
  response.end(text);
};

const problemOf = (error: unknown): Problem => {
  if (error instanceof Refusal) return error.problem;
  const message = error instanceof SendError ? error.message : String(error);
  return {
    title: "Internal Server Error",
    status: 500,
    detail: "unexpected error occurred",
    errors: [{ message: `failed to send message: ${message}` }],
  };
};

const sendProblem = (request: IncomingMessage, response: ServerResponse, problem: Problem): void =>
  sendJson(request, response, "ErrorModel", problem, problem.status);

/** The body of POST /message, refused in the order of the real program: none, its type, its syntax, its fields. */
const readMessage = async (
  request: IncomingMessage,
): Promise<{ content: string; type: "user" | "raw" }> => {
  const pieces: Buffer[] = [];
  for await (const piece of request) pieces.push(piece as Buffer);
  const text = Buffer.concat(pieces).toString();
  if (text === "") {
    throw new Refusal({ title: "Bad Request", status: 400, detail: "request body is required" });
  }
  const contentType = request.headers["content-type"] ?? "application/json";
  if (!/^application\/(json|.*\+json)/.test(contentType)) {
    const message = `unknown content type: ${contentType}`;
    throw invalid(415, [{ message, location: "body", value: text }]);
  }
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    const message = "unexpected end of JSON input";
    throw invalid(400, [{ message, location: "body", value: text }]);
  }
  const fields = body as Record<string, unknown>;
  const missing = ["content", "type"].filter((name) => fields[name] === undefined);
  if (missing.length > 0) {
    throw invalid(
      422,
      missing.map((name) => ({
        message: `expected required property ${name} to be present`,
        location: "body",
        value: fields,
      })),
    );
  }
  const { content, type } = fields;
  if (typeof content !== "string") {
    throw invalid(422, [{ message: "expected string", location: "body.content", value: content }]);
  }
  if (type !== "user" && type !== "raw")
    throw invalid(422, [{ location: "body.type", value: type }]);
  return { content, type };
};
