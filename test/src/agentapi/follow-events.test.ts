import type { ServerResponse } from "node:http";
import type { FollowEvent } from "@taskwal/agentapi-bridge";
import { createSimDisk } from "@taskwal/disk/sim";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import {
  conversationOf,
  Followed,
  framed,
  ScriptedEvents,
  sendAndCut,
  sendAndStay,
} from "./scripted-events.ts";

let server: ScriptedEvents;
beforeAll(async () => {
  server = await ScriptedEvents.listen();
});
afterAll(() => server.close());

const timeOf = (id: number): string => `2026-11-22T02:40:${String(id).padStart(2, "0")}Z`;

const agent = (id: number, message: string): string =>
  framed("message_update", { id, role: "agent", message, time: timeOf(id) });
const user = (id: number, message: string): string =>
  framed("message_update", { id, role: "user", message, time: timeOf(id) });
const status = (name: string): string =>
  framed("status_change", { status: name, agent_type: "custom" });

const refused = (response: ServerResponse): void => {
  response.writeHead(404).end();
};

const kindsOf = (events: readonly FollowEvent[]): readonly string[] =>
  events.map(({ kind }) => kind);

const disconnections = (followed: Followed) =>
  followed.heard.filter((event) => event.kind === "disconnected");

/** How many texts of messages that changed are in the log. */
const revisionsIn = ({ sim }: Followed): number =>
  sim
    .listRaw()
    .filter((path) => path.endsWith(".jsonl"))
    .map((path) => Buffer.from(sim.readRaw(path)).toString().split('"message.revised"').length - 1)
    .reduce((sum, count) => sum + count, 0);

describe("following an agentapi", () => {
  it("comes back after 100 ms, then after twice as long, and never after more than 5 s", async () => {
    server.script(refused);
    const followed = await Followed.start(server.baseUrl);
    await followed.until(() => disconnections(followed).length === 10);
    await followed.stop();
    for (const [index, { reason, retryMs }] of disconnections(followed).entries()) {
      const full = Math.min(100 * 2 ** index, 5000);
      expect(reason).toBe("the answer was 404");
      expect(retryMs).toBeGreaterThanOrEqual(full / 2);
      expect(retryMs).toBeLessThanOrEqual(full);
    }
    await followed.journal.close();
  });

  it("begins with 100 ms again after a connection that lasted", async () => {
    let open: ServerResponse | undefined;
    server.script(refused, refused, refused, (response) => {
      open = response;
      sendAndStay(Buffer.from(status("running")))(response);
    });
    const followed = await Followed.start(server.baseUrl);
    await followed.following.ready;
    followed.sim.clock.advance(6000);
    open?.destroy();
    await followed.until(() => disconnections(followed).length === 4);
    expect(disconnections(followed)[3]?.retryMs).toBeLessThanOrEqual(100);
    await followed.stop();
    await followed.journal.close();
  });

  it("gives a connection up on which nothing is told for 10 s, and none that has told anything", async () => {
    let response: ServerResponse | undefined;
    server.script(sendAndStay(Buffer.from("")), (one) => {
      response = one;
      sendAndStay(Buffer.from(status("running")))(one);
    });
    const followed = await Followed.start(server.baseUrl);
    await followed.until(() => kindsOf(followed.heard).includes("connected"));
    followed.sim.clock.advance(10_000);
    await followed.following.ready;
    expect(disconnections(followed)[0]?.reason).toBe("nothing was told for 10000 ms");
    followed.sim.clock.advance(3_600_000);
    await followed.sim.clock.yield();
    response?.write(status("stable"));
    await followed.until(() => followed.following.status() === "stable");
    expect(disconnections(followed)).toHaveLength(1);
    await followed.stop();
    await followed.journal.close();
  });

  it("knows the status while it is connected, and none while it is not", async () => {
    server.script(sendAndCut(Buffer.from(status("stable"))), sendAndStay(Buffer.from("")));
    const followed = await Followed.start(server.baseUrl);
    await followed.following.ready;
    expect(followed.following.status()).toBe("stable");
    await followed.until(() => disconnections(followed).length === 1);
    expect(followed.following.status()).toBeUndefined();
    await followed.stop();
    await followed.journal.close();
  });

  it("records a reply that is being written every 250 ms, and at once when it is stable", async () => {
    let response: ServerResponse | undefined;
    server.script((one) => {
      response = one;
      sendAndStay(Buffer.from(`${agent(0, "")}${status("running")}`))(one);
    });
    const followed = await Followed.start(server.baseUrl);
    await followed.following.ready;
    const say = async (text: string): Promise<void> => {
      const heard = followed.heard.length;
      response?.write(text);
      await followed.until(() => followed.heard.length > heard);
    };
    for (let change = 0; change < 100; change += 1) await say(agent(0, `line ${change}`));
    expect(revisionsIn(followed)).toBe(0);
    followed.sim.clock.advance(249);
    await followed.sim.clock.yield();
    expect(revisionsIn(followed)).toBe(0);
    followed.sim.clock.advance(1);
    await followed.sim.clock.yield();
    expect(conversationOf(followed.journal)).toEqual([{ role: "agent", message: "line 99" }]);
    await say(agent(0, "line 99, and more"));
    expect(conversationOf(followed.journal)).toEqual([{ role: "agent", message: "line 99" }]);
    await say(status("stable"));
    expect(conversationOf(followed.journal)).toEqual([
      { role: "agent", message: "line 99, and more" },
    ]);
    followed.sim.clock.advance(10_000);
    await followed.sim.clock.yield();
    expect(revisionsIn(followed)).toBe(2);
    await followed.stop();
    await followed.journal.close();
  });

  it("tells an error of agentapi once, with however many connections it comes", async () => {
    const error = (second: number): string =>
      framed("agent_error", {
        message: "x",
        level: "warning",
        time: `2026-11-22T02:40:1${second}Z`,
      });
    const replay = `${status("running")}${error(1)}${error(2)}`;
    server.script(
      sendAndCut(Buffer.from(replay)),
      sendAndCut(Buffer.from(replay)),
      sendAndStay(Buffer.from(`${replay}${status("stable")}`)),
    );
    const followed = await Followed.start(server.baseUrl);
    await followed.until(() => followed.following.status() === "stable");
    expect(kindsOf(followed.heard).filter((kind) => kind === "agent_error")).toHaveLength(2);
    await followed.stop();
    await followed.journal.close();
  });

  it("goes on after what it does not know, and keeps the place of a message that it could not read", async () => {
    const strange = [
      framed("screen", { screen: "…" }),
      "event: message_update\ndata: {\n\n",
      framed("message_update", { id: 1, role: "system", message: "?", time: "" }),
    ].join("");
    server.script(
      sendAndStay(
        Buffer.from(
          `${agent(0, "hi")}${strange}${agent(2, "Gone.")}${user(3, "x")}${status("running")}`,
        ),
      ),
    );
    const followed = await Followed.start(server.baseUrl);
    await followed.following.ready;
    expect(kindsOf(followed.heard)).toEqual([
      "connected",
      "message_update",
      "unknown",
      "malformed",
      "malformed",
      "message_update",
      "message_update",
      "status_change",
    ]);
    expect(followed.journal.messages().map(({ message, origin }) => [message, origin])).toEqual([
      ["hi", "heard"],
      ["", "missed"],
      ["Gone.", "heard"],
      ["x", "heard"],
    ]);
    await followed.stop();
    await followed.journal.close();
  });

  it("has all of it once there is room again on a disk that was full, and says why it had not", async () => {
    const said = `${agent(0, "hi")}${user(1, "go")}${agent(2, "Gone.")}${status("stable")}`;
    server.script(sendAndStay(Buffer.from(said)));
    const sim = createSimDisk();
    const followed = await Followed.start(server.baseUrl, sim);
    sim.capacityBytes = sim.usedBytes;
    await followed.until(() => disconnections(followed).length === 3);
    expect(disconnections(followed)[0]?.reason).toBe("ENOSPC");
    expect(followed.heard.some(({ kind }) => kind === "message_update")).toBe(false);
    sim.capacityBytes = undefined;
    await followed.following.ready;
    expect(conversationOf(followed.journal).map(({ message }) => message)).toEqual([
      "hi",
      "go",
      "Gone.",
    ]);
    await followed.stop();
    await followed.journal.close();
  });

  it("reads no more than it can record: a disk that stands still holds the stream up", async () => {
    const pieceBytes = 1024 * 1024;
    let response: ServerResponse | undefined;
    server.script((one) => {
      response = one;
      sendAndStay(Buffer.from(`${agent(0, "hi")}${status("running")}`))(one);
      for (let id = 1; id < 64; id += 1) one.write(user(id, "x".repeat(pieceBytes)));
    });
    const sim = createSimDisk();
    const followed = await Followed.start(server.baseUrl, sim);
    const release = sim.hang(({ kind, path }) => kind === "write" && path.includes("/wal/"));
    await followed.until(() => kindsOf(followed.heard).includes("connected"));
    // What is left to send stays the same once all the buffers in between are full.
    let left = -1;
    while (left !== response?.writableLength) {
      left = response?.writableLength ?? 0;
      await new Promise((done) => setTimeout(done, 50));
    }
    expect(left).toBeGreaterThan(32 * pieceBytes);
    release();
    await followed.until(
      () => followed.heard.filter(({ kind }) => kind === "message_update").length === 64,
    );
    expect(followed.journal.messages()).toHaveLength(64);
    await followed.stop();
    await followed.journal.close();
  });

  it("has on the disk what it was told when it was stopped, and tells nothing more", async () => {
    let response: ServerResponse | undefined;
    server.script((one) => {
      response = one;
      sendAndStay(Buffer.from(`${agent(0, "hi")}${status("running")}`))(one);
    });
    const followed = await Followed.start(server.baseUrl);
    await followed.following.ready;
    response?.write(agent(0, "hi there"));
    await followed.until(() => followed.heard.length === 4);
    await followed.stop();
    expect(conversationOf(followed.journal)).toEqual([{ role: "agent", message: "hi there" }]);
    expect(kindsOf(followed.heard).at(-1)).toBe("message_update");
    await followed.journal.close();
  });

  it("ends with its journal", async () => {
    server.script(sendAndCut(Buffer.from(status("running"))));
    const followed = await Followed.start(server.baseUrl);
    await followed.following.ready;
    server.script(sendAndStay(Buffer.from(`${agent(0, "hi")}${status("running")}`)));
    await followed.journal.close();
    await followed.following.done;
  });
});
