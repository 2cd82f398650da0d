import { describe, expect, it } from "vitest";

import { lastRegistryLines, registryLines } from "./registry-lines.ts";
import type { ShutdownEvent, ShutdownResult } from "./shutdown-agentapi.ts";

const captureFailed = "Log snapshot capture failed, continuing shutdown";
const postFailed = ["Error: Log snapshot capture failed", captureFailed];

const sized = (more: object): ShutdownEvent => ({
  event: "snapshot",
  step: {
    step: "sized",
    bytes: 60_000,
    messageCount: 2,
    uncutBytes: 70_000,
    cutIds: [],
    isLastCut: false,
    ...more,
  },
});

/** The words of agentapi-shutdown.sh of coder/registry. */
const lines: readonly (readonly [string, ShutdownEvent, readonly string[]])[] = [
  ["a save", { event: "saving", pid: 7 }, ["Sending SIGUSR1 to AgentAPI (pid 7) to save state"]],
  ["a checkpoint that may be withheld", { event: "phase", phase: "checkpoint" }, []],
  [
    "messages",
    { event: "phase", phase: "snapshot" },
    ["Fetching messages from AgentAPI on port 3284"],
  ],
  [
    "no log wanted",
    { event: "no-snapshot", because: "disabled" },
    ["Log snapshot disabled, skipping"],
  ],
  ["no task", { event: "no-snapshot", because: "no-task" }, ["No task ID, skipping log snapshot"]],
  [
    "no address",
    { event: "no-snapshot", because: "no-url" },
    ["Error: CODER_AGENT_URL not set, cannot capture log snapshot", captureFailed],
  ],
  [
    "no token",
    { event: "no-snapshot", because: "no-token" },
    ["Error: CODER_AGENT_TOKEN not set, cannot capture log snapshot", captureFailed],
  ],
  [
    "the messages that it has",
    { event: "snapshot", step: { step: "messages", count: 2 } },
    ["Retrieved 2 messages for log snapshot"],
  ],
  ["what fits", sized({}), ["Log snapshot payload: 60000 bytes, 2 messages"]],
  [
    "what was cut",
    sized({ cutIds: [2], isLastCut: true }),
    [
      "Payload size 70000 bytes exceeds limit, truncating final message content",
      "Log snapshot payload: 60000 bytes, 2 messages",
    ],
  ],
  [
    "the post",
    { event: "snapshot", step: { step: "posting" } },
    ["Posting log snapshot to Coder instance"],
  ],
  [
    "a log that was taken",
    { event: "snapshot-done", result: { outcome: "posted", status: 204 } },
    ["Log snapshot posted successfully"],
  ],
  [
    "no messages",
    { event: "snapshot-done", result: { outcome: "empty" } },
    ["No messages for log snapshot"],
  ],
  [
    "no agentapi that answers",
    { event: "snapshot-done", result: { outcome: "failed", reason: "", isWithoutMessages: true } },
    [
      "Error: Failed to fetch messages from AgentAPI (may not be running)",
      "Error: Cannot capture log snapshot without messages",
      captureFailed,
    ],
  ],
  [
    "404",
    { event: "snapshot-done", result: { outcome: "refused", status: 404, answer: "" } },
    ["Log snapshot endpoint not supported by this Coder version, skipping"],
  ],
  [
    "400",
    { event: "snapshot-done", result: { outcome: "refused", status: 400, answer: "no" } },
    ["Error: Failed to post log snapshot (HTTP 400): no", ...postFailed],
  ],
  [
    "no Coder that answers",
    { event: "snapshot-done", result: { outcome: "queued", reason: "ECONNREFUSED" } },
    ["Error: Failed to connect to Coder instance (curl failed)", ...postFailed],
  ],
  [
    "500",
    {
      event: "snapshot-done",
      result: { outcome: "queued", status: 500, reason: "Coder answered 500: down" },
    },
    ["Error: Failed to post log snapshot (HTTP 500): down", ...postFailed],
  ],
  [
    "the end",
    { event: "end", step: { step: "signal", signal: "SIGTERM", pid: 7 } },
    ["Sending SIGTERM to AgentAPI (pid 7)"],
  ],
  ["a second of waiting", { event: "end", step: { step: "waiting", pid: 7, seconds: 4 } }, []],
  [
    "the fifth second",
    { event: "end", step: { step: "waiting", pid: 7, seconds: 5 } },
    ["Warning: AgentAPI (pid 7) still running after 5s"],
  ],
  [
    "a stranger",
    { event: "found", owner: { kind: "stranger", pid: 7 } },
    ["Warning: pid 7 is not known to be AgentAPI, sending it no signal"],
  ],
];

describe("the lines of the registry's script", () => {
  it.each(lines)("are its own words: %s", (_, event, expected) => {
    expect(registryLines(event, 3284)).toEqual(expected);
  });

  it("end with its last one, whatever happened", () => {
    const ended = (isRestored: boolean): readonly string[] =>
      lastRegistryLines({ isRestored } as ShutdownResult);
    expect(ended(false)).toEqual(["Shutdown complete"]);
    expect(ended(true).at(-1)).toBe("Shutdown complete");
  });
});
