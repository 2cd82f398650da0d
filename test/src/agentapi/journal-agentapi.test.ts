import {
  followEvents,
  openJournal,
  sendMessage,
  type FollowEvent,
  type Journal,
} from "@taskwal/agentapi-bridge";
import { afterAll, describe, expect, it } from "vitest";

import { endAll, fakeProgram, newFolder, startAndListen } from "./agentapi-process.ts";

afterAll(endAll);

const texts = (journal: Journal): readonly (readonly string[])[] =>
  journal.messages().map(({ role, message }) => [role, message.trim()]);

describe("a journal that follows an agentapi", () => {
  it("has the conversation once agentapi has told it, with what was sent", async () => {
    const running = await startAndListen(fakeProgram("0.12.1"));
    const journal = await openJournal({ sessionDir: newFolder() });
    const stop = new AbortController();
    const baseUrl = `http://127.0.0.1:${running.port}`;
    const heard: FollowEvent[] = [];
    const following = followEvents({
      journal,
      baseUrl,
      signal: stop.signal,
      onEvent: (event) => heard.push(event),
    });
    await following.ready;
    const command = await sendMessage({ journal, baseUrl, text: " hello ", timeoutMs: 10_000 });
    expect(command).toEqual({ id: "1", text: " hello ", afterId: 0, outcome: "accepted" });
    await running.until(
      "stable",
      () => following.status() === "stable" && journal.messages().length === 3,
    );
    stop.abort();
    await following.done;
    expect(texts(journal)).toEqual([
      ["agent", "demo-agent 1.3.0 – type a message"],
      ["user", "hello"],
      ["agent", "You said: hello"],
    ]);
    await journal.close();
  });
});
