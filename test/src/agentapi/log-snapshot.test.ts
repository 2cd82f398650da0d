/**
 * The snapshot of a log on its way to Coder: what it holds, what becomes of it whatever Coder answers.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  captureLogSnapshot,
  openOutbox,
  sendOutbox,
  type LogSnapshotResult,
  type SnapshotMessage,
} from "@taskwal/agentapi-bridge";
import { openNodeDisk } from "@taskwal/disk";
import { createSimDisk } from "@taskwal/disk/sim";
import { afterEach, describe, expect, it } from "vitest";

import { freePort } from "./agentapi-process.ts";
import { startFakeCoder, type CoderAnswer, type FakeCoder } from "./fake-coder.ts";

const disk = openNodeDisk();
const coders: FakeCoder[] = [];
const folders: string[] = [];
afterEach(async () => {
  for (const coder of coders.splice(0)) await coder.close();
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});
const fakeCoder = async (...answers: readonly CoderAnswer[]): Promise<FakeCoder> => {
  const coder = await startFakeCoder(...answers);
  coders.push(coder);
  return coder;
};
const newFolder = (): string => {
  const folder = mkdtempSync(join(tmpdir(), "taskwal-outbox-"));
  folders.push(folder);
  return join(folder, "outbox");
};

const agent = (content: string, id = 1): SnapshotMessage => ({
  id,
  content,
  role: "agent",
  time: "2026-01-01T00:00:00Z",
});
const user = (content: string, id = 0): SnapshotMessage => ({
  ...agent(content, id),
  role: "user",
});

interface Try {
  readonly url: string;
  readonly messages?: readonly SnapshotMessage[] | Error | "never";
  readonly folder?: string;
  readonly limitMs?: number;
  readonly taskId?: string;
}

const capture = ({
  url,
  messages = [agent("done")],
  folder,
  ...rest
}: Try): Promise<LogSnapshotResult> =>
  captureLogSnapshot(
    {
      taskId: rest.taskId ?? "task-1",
      coder: { url, token: "secret" },
      messages: async () => {
        if (messages === "never") return new Promise(() => {});
        if (messages instanceof Error) throw messages;
        return messages;
      },
      ...(folder !== undefined && { outbox: openOutbox(disk, folder) }),
    },
    { limitMs: rest.limitMs ?? 10_000 },
  );

const left = (folder: string): readonly string[] => readdirSync(folder).sort();

describe("a snapshot of a log", () => {
  const manyNewlines = "\n".repeat(60_000);
  const surrogates = "😀".repeat(40_000);
  it.each<[string, readonly SnapshotMessage[], (contents: readonly string[]) => void]>([
    [
      "57,344 letters of two bytes",
      [agent("é".repeat(57_344))],
      ([only = ""]) => expect(only.endsWith("é".repeat(20_000))).toBe(true),
    ],
    [
      "a great answer and a word of thanks",
      [agent("x".repeat(70_000)), user("thanks", 2)],
      ([answer = "", thanks]) => {
        expect(answer.length).toBeGreaterThan(60_000);
        expect(thanks).toBe("thanks");
      },
    ],
    [
      "60,000 newlines",
      [agent(manyNewlines)],
      ([only = ""]) => expect(only.length).toBeGreaterThan(20_000),
    ],
    [
      "pairs of surrogates at every cut",
      [agent(surrogates), agent(`x${surrogates}`, 2)],
      (contents) => {
        for (const each of contents) expect(Buffer.from(each).toString()).toBe(each);
      },
    ],
    [
      "half a pair in what the agent printed",
      [agent("a\ud83d")],
      ([only]) => expect(only).toBe("a\ud83d"),
    ],
  ])("is posted within 65,536 bytes, and is of use: %s", async (_, messages, isOfUse) => {
    const coder = await fakeCoder();
    expect(await capture({ url: coder.url, messages })).toEqual({ outcome: "posted", status: 204 });
    const [taken] = coder.taken;
    expect(taken?.bytes).toBeLessThanOrEqual(65_536);
    expect(taken).toMatchObject({ taskId: "task-1", token: "secret" });
    expect(taken?.messages.length).toBe(messages.length);
    isOfUse(taken?.messages.map(({ content }) => content) ?? []);
  });

  it("is not posted where there was no message", async () => {
    const coder = await fakeCoder();
    expect(await capture({ url: coder.url, messages: [] })).toEqual({ outcome: "empty" });
    expect(coder.requests).toEqual([]);
  });

  it("is posted again after an error that passes, and leaves nothing behind", async () => {
    const coder = await fakeCoder(500, "resets", 429, 204);
    const folder = newFolder();
    expect(await capture({ url: coder.url, folder })).toEqual({ outcome: "posted", status: 204 });
    expect(coder.requests.length).toBe(4);
    expect(left(folder)).toEqual([]);
  });

  it.each([
    ["500 for ever", async () => (await fakeCoder(500)).url, /^Coder answered 500: said 500/],
    ["no answer, for ever", async () => (await fakeCoder("hangs")).url, /^Coder gave no answer/],
    [
      "a port that nobody listens on",
      async () => `http://127.0.0.1:${await freePort()}`,
      /ECONNREFUSED/,
    ],
    ["a token that is not taken", async () => (await fakeCoder(401)).url, /^Coder answered 401/],
    ["a redirection", async () => (await fakeCoder(302)).url, /^Coder answered 302/],
    ["an address that is none", async () => "not a url", /not a URL/],
  ])(
    "waits in the outbox within its limit, and is posted at the next start: %s",
    async (_, urlOf, reason) => {
      const folder = newFolder();
      const result = await capture({ url: await urlOf(), folder, limitMs: 4000 });
      expect(result).toMatchObject({
        outcome: "queued",
        reason: expect.stringMatching(reason) as string,
      });
      expect(left(folder).length).toBe(1);
      const coder = await fakeCoder();
      const outbox = openOutbox(disk, folder);
      expect(await sendOutbox(outbox, { coder: { url: coder.url, token: "another" } })).toEqual([
        { outcome: "posted", status: 204, taskId: "task-1" },
      ]);
      expect(coder.taken).toMatchObject([
        { taskId: "task-1", token: "another", messages: [{ content: "done" }] },
      ]);
      expect(left(folder)).toEqual([]);
      expect(await sendOutbox(outbox, { coder: { url: coder.url, token: "x" } })).toEqual([]);
    },
  );

  it("that Coder refuses is set aside with what it said, and not sent again", async () => {
    const coder = await fakeCoder(404);
    const folder = newFolder();
    const result = await capture({ url: coder.url, folder });
    expect(result).toEqual({ outcome: "refused", status: 404, answer: "said 404" });
    const [name = "", ...others] = left(folder);
    expect([name.endsWith(".refused.json"), others]).toEqual([true, []]);
    expect(JSON.parse(readFileSync(join(folder, name), "utf8"))).toMatchObject({
      taskId: "task-1",
      status: 404,
      answer: "said 404",
    });
    expect(await openOutbox(disk, folder).pending()).toEqual([]);
  });

  it("of a program that says nothing any more is the one that was kept, if there is one", async () => {
    const folder = newFolder();
    await openOutbox(disk, folder).put({
      taskId: "task-1",
      body: '{"messages":[{"id":1,"content":"kept"}]}',
    });
    const coder = await fakeCoder();
    const url = coder.url;
    expect(await capture({ url, folder, messages: new Error("gone") })).toMatchObject({
      outcome: "posted",
    });
    expect(coder.taken[0]?.messages[0]?.content).toBe("kept");
    await openOutbox(disk, folder).put({ taskId: "task-1", body: '{"messages":[]}' });
    const slow = await capture({ url, folder, messages: "never", limitMs: 2000 });
    expect(slow).toMatchObject({ outcome: "posted" });
    expect(await capture({ url, folder, messages: new Error("gone") })).toMatchObject({
      outcome: "failed",
      reason: "no messages could be had: gone",
    });
    expect(await capture({ url, folder, messages: "never", limitMs: 400 })).toMatchObject({
      outcome: "failed",
      reason: expect.stringContaining("longer than") as string,
    });
  });

  it("is posted also where the outbox cannot be written", async () => {
    const folder = newFolder();
    writeFileSync(folder, "a file where a folder should be");
    const coder = await fakeCoder();
    expect(await capture({ url: coder.url, folder })).toEqual({ outcome: "posted", status: 204 });
  });
});

describe("the outbox", () => {
  const bodyOf = (text: string): string => JSON.stringify({ messages: [agent(text)] });

  it("keeps the newest snapshot of each task, and no answer to an older one takes it out", async () => {
    const outbox = openOutbox(disk, newFolder());
    const older = { taskId: "a", body: bodyOf("older") };
    const newer = { taskId: "a", body: bodyOf("newer") };
    await outbox.put(older);
    await outbox.put({ taskId: "../b:\0", body: bodyOf("b") });
    await outbox.put(newer);
    await outbox.settle(older);
    expect((await outbox.pending()).map(({ body }) => body).sort()).toEqual(
      [newer.body, bodyOf("b")].sort(),
    );
    await outbox.settle(newer);
    expect((await outbox.pending()).map(({ taskId }) => taskId)).toEqual(["../b:\0"]);
  });

  it("holds, wherever the power fails while it is written, the older snapshot or the newer one, whole", async () => {
    const older = { taskId: "a", body: bodyOf("older") };
    const newer = { taskId: "a", body: bodyOf("newer") };
    const sim = createSimDisk();
    await openOutbox(sim.process(), "/outbox").put(older);
    const before = sim.snapshotState();
    const found = new Set<string>();
    for (let calls = 1; ; calls += 1) {
      sim.restore(before);
      sim.crashAt(sim.callCount + calls);
      const put = openOutbox(sim.process(), "/outbox")
        .put(newer)
        .then(
          () => "acknowledged",
          () => "failed",
        );
      const outcome = await Promise.race([put, sim.whenCrashed.then(() => "crashed")]);
      sim.cancelCrash();
      sim.powerCut("none");
      const [one, ...others] = await openOutbox(sim.process(), "/outbox").pending();
      expect(others).toEqual([]);
      expect([older.body, newer.body]).toContain(one?.body);
      if (outcome === "acknowledged") {
        expect(one).toEqual(newer);
        break;
      }
      found.add(one?.body ?? "");
    }
    expect(found.has(older.body)).toBe(true);
  });
});
