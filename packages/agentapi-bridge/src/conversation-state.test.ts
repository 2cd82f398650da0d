import { describe, expect, it } from "vitest";

import { composeConversationState, parseConversationState } from "./conversation-state.ts";
import type { ConversationMessage, ConversationState } from "./conversation-state.ts";

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const time = "2026-01-01T00:00:00.123456789Z";
const agent = (message: string): ConversationMessage => ({ role: "agent", message, time });

const wire = {
  version: 1,
  messages: [{ id: 0, message: "x", role: "agent", time }],
  initial_prompt: "",
  initial_prompt_sent: false,
};
const parse = (value: unknown) => parseConversationState(bytesOf(`${JSON.stringify(value)}\n`));
const withMessage = (change: object) => ({
  ...wire,
  messages: [{ ...wire.messages[0], ...change }],
});

describe("a state file", () => {
  it("that we compose is what we then read, whatever the texts are", () => {
    const texts = [
      "",
      "<a href='&'>",
      "\u2028\u2029",
      "\0\x1B[0m\x7F",
      "😀é漢",
      '"\\',
      "a \n".repeat(999),
    ];
    const state: ConversationState = {
      messages: texts.flatMap((text) => [agent(text), { role: "user", message: text, time }]),
      initialPrompt: "<p>",
      initialPromptSent: true,
    };
    const bytes = composeConversationState(state);
    expect(parseConversationState(bytes)).toEqual({ verdict: "ok", state });
    expect(new TextDecoder().decode(bytes)).not.toMatch(/[<>&\u2028\u2029]/);
  });

  it("has the ids 0, 1, 2, … in order when we compose it", () => {
    const state = {
      messages: [agent("a"), agent("b")],
      initialPrompt: "",
      initialPromptSent: false,
    };
    expect(new TextDecoder().decode(composeConversationState(state))).toBe(
      `{"version":1,"messages":[{"id":0,"message":"a","role":"agent","time":"${time}"},` +
        `{"id":1,"message":"b","role":"agent","time":"${time}"}],"initial_prompt":"","initial_prompt_sent":false}\n`,
    );
  });

  it("is never composed with a time that agentapi would refuse", () => {
    for (const bad of [
      "",
      "now",
      "2026-02-30T00:00:00Z",
      "2026-01-01 00:00:00Z",
      "2026-01-01T00:00:00",
    ]) {
      const messages = [{ ...agent("a"), time: bad }];
      const compose = () =>
        composeConversationState({ messages, initialPrompt: "", initialPromptSent: false });
      expect(compose).toThrow(TypeError);
      expect(compose).toThrow("the time of message 0 is not RFC 3339");
    }
  });

  it.each<[string, unknown]>([
    ["it has no version", { ...wire, version: undefined }],
    ["it is of version 0", { ...wire, version: 0 }],
    ['it is of version "1"', { ...wire, version: "1" }],
    ["messages is not as agentapi writes it", { ...wire, messages: null }],
    ["messages is not as agentapi writes it", { version: 1 }],
    ["it is not an object", null],
    ["it is not an object", [wire]],
    ["initial_prompt_sent is not as agentapi writes it", { ...wire, initial_prompt_sent: "no" }],
    ["messages.0.role is not as agentapi writes it", withMessage({ role: "tool" })],
    ["messages.0.message is not as agentapi writes it", withMessage({ message: 1 })],
    ["messages.0.time is not as agentapi writes it", withMessage({ time: "yesterday" })],
    ["message 0 has the id 1", withMessage({ id: 1 })],
    [
      "message 1 has the id 2",
      { ...wire, messages: [wire.messages[0], { ...wire.messages[0], id: 2 }] },
    ],
  ])("is invalid, and says why: %s", (reason, value) => {
    expect(parse(value)).toEqual({ verdict: "invalid", reason });
  });

  it("is invalid with a byte order mark, with bytes that are not UTF-8, and with NUL bytes", () => {
    const text = `${JSON.stringify(wire)}\n`;
    expect(parseConversationState(bytesOf(`\uFEFF${text}`)).verdict).toBe("invalid");
    expect(parseConversationState(Buffer.from(text.replace("x", "\xFF"), "latin1"))).toEqual({
      verdict: "invalid",
      reason: "it is not valid UTF-8",
    });
    expect(parseConversationState(new Uint8Array(4096)).verdict).toBe("invalid");
    expect(parseConversationState(bytesOf(text)).verdict).toBe("ok");
  });

  it("may be indented, and hold fields that we do not know", () => {
    const text = `${JSON.stringify({ ...wire, more: { deep: [1] } }, null, 2)}\n`;
    expect(parseConversationState(bytesOf(text)).verdict).toBe("ok");
  });
});
