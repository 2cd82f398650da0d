import { composeConversationState, parseConversationState } from "@taskwal/agentapi-bridge";
import { describe, expect, it } from "vitest";

import { capture, capturesOf } from "./agentapi-captures.ts";

/** Written by hand, to be refused by the program or accepted by it in error. */
const handMade = "load-failure/";
const states = [...capturesOf(".json"), ...capturesOf(".json.tmp")].filter(
  (name) =>
    /(state|turns|prompt|greeting)[^/]*\.json(\.tmp)?$/.test(name) && !name.startsWith("http/"),
);
const written = states.filter((name) => !name.startsWith(handMade) || name.includes("state-after"));

const parsed = (name: string) => {
  const read = parseConversationState(capture(name));
  if (read.verdict !== "ok") throw new Error(`${name}: ${read.reason}`);
  return read.state;
};

describe("a captured state file", () => {
  it("is there, of every kind", () => {
    expect(written.length).toBeGreaterThanOrEqual(25);
  });

  it.each(written)("is whole, and composed again is the same to the byte: %s", (name) => {
    expect(Buffer.from(composeConversationState(parsed(name)))).toEqual(capture(name));
  });

  it.each(written)("cut anywhere is invalid: %s", (name) => {
    const bytes = capture(name);
    const accepted: number[] = [];
    for (let length = 0; length < bytes.length; length += 1) {
      if (parseConversationState(bytes.subarray(0, length)).verdict === "ok") accepted.push(length);
    }
    expect(accepted).toEqual([]);
  });

  it("has the messages that were exchanged", () => {
    const counts = ["00", "01", "05", "30"].map(
      (turns) => parsed(`states/turns-${turns}.json`).messages.length,
    );
    expect(counts).toEqual([1, 3, 11, 61]);
    expect(parsed("states/turns-01.json")).toMatchObject({
      messages: [{ role: "agent" }, { role: "user" }, { role: "agent" }],
      initialPrompt: "",
      initialPromptSent: false,
    });
    expect(parsed("states/initial-prompt-enqueued-not-delivered.json")).toMatchObject({
      messages: [{ role: "agent" }],
      initialPromptSent: true,
    });
  });

  it.each([
    ["cut", "it does not end with the newline that agentapi writes"],
    ["empty", "it is empty"],
    ["not-json", "it is not one value of JSON"],
    ["nul-bytes", "it does not end with the newline that agentapi writes"],
    ["version-2", "it is of version 2"],
    ["trailing-garbage", "it does not end with the newline that agentapi writes"],
  ])("that was damaged is invalid, with the reason: %s", (kind, reason) => {
    const bytes = capture(`load-failure/${kind}/state-before.json`);
    expect(parseConversationState(bytes)).toEqual({ verdict: "invalid", reason });
  });

  it("is invalid with anything behind its one value, where the program would load it", () => {
    const bytes = Buffer.concat([capture("states/turns-05.json"), Buffer.from("{}\n")]);
    expect(parseConversationState(bytes)).toEqual({
      verdict: "invalid",
      reason: "it is not one value of JSON",
    });
  });

  it("with fields that we do not know is whole", () => {
    const bytes = capture("load-failure/unknown-fields/state-before.json");
    const ended = parseConversationState(Buffer.concat([bytes, Buffer.from("\n")]));
    expect(ended.verdict === "ok" && ended.state.messages.length).toBe(11);
    expect(parseConversationState(bytes).verdict).toBe("invalid");
  });
});
