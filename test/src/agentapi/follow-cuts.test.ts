import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { capture, capturesOf, chunksOf } from "./agentapi-captures.ts";
import {
  conversationIn,
  conversationOf,
  Followed,
  ScriptedEvents,
  sendAndCut,
  sendAndStay,
  sentFrom,
  toldIn,
} from "./scripted-events.ts";

let server: ScriptedEvents;
beforeAll(async () => {
  server = await ScriptedEvents.listen();
});
afterAll(() => server.close());

/** Where a stream may be cut: behind each piece in which it came, and within its last event. */
const cutsOf = (name: string): readonly number[] => {
  let end = 0;
  return chunksOf(name).flatMap((chunk) => {
    end += chunk.length;
    return [end - 1, end];
  });
};

describe("a journal whose connection is cut anywhere", () => {
  it.each(capturesOf(".sse"))(
    "has the conversation once, as it was told at last: %s",
    async (name) => {
      const bytes = capture(name);
      const wrong: number[] = [];
      for (const cut of cutsOf(name)) {
        const before = bytes.subarray(0, cut);
        // The program goes on while nobody listens: it had begun the event that was cut.
        const after = sentFrom(bytes, toldIn(before).length + 1);
        const told = toldIn(after).length;
        server.script(sendAndCut(before), sendAndStay(after));
        const followed = await Followed.start(server.baseUrl);
        await followed.until(
          () => server.connections === 2 && followed.sinceConnected.length === told,
        );
        await followed.stop();
        const found = JSON.stringify(conversationOf(followed.journal));
        if (found !== JSON.stringify(conversationIn(bytes))) wrong.push(cut);
        await followed.journal.close();
      }
      expect(wrong).toEqual([]);
    },
  );
});
