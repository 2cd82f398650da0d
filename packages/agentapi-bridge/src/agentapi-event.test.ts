import { describe, expect, it } from "vitest";

import { readAgentApiEvent } from "./agentapi-event.ts";

const read = (event: string, data: unknown) =>
  readAgentApiEvent({ kind: "event", event, data: JSON.stringify(data) });
const time = "2026-01-01T00:00:00.5Z";

describe("an event of agentapi", () => {
  it("is a message, a status or an error, with the fields that are described", () => {
    const message = { id: 0, role: "agent", message: "x  ", time };
    expect(read("message_update", { ...message, extra: 1 })).toEqual({
      kind: "message_update",
      ...message,
    });
    const status = { status: "stable", agent_type: "custom" };
    expect(read("status_change", status)).toEqual({ kind: "status_change", ...status });
    const error = { message: "m", level: "warning", time };
    expect(read("agent_error", error)).toEqual({ kind: "agent_error", ...error });
  });

  it("of another name is unknown, whatever it holds", () => {
    for (const name of ["screen", "message", "", "toString", "__proto__"]) {
      expect(readAgentApiEvent({ kind: "event", event: name, data: "{" })).toEqual({
        kind: "unknown",
        event: name,
      });
    }
  });

  it("that is not as described is malformed, and the reason names the field", () => {
    const reasonOf = (event: string, data: unknown): string => {
      const result = read(event, data);
      return result.kind === "malformed" ? result.reason : result.kind;
    };
    expect(readAgentApiEvent({ kind: "event", event: "status_change", data: "{" })).toEqual({
      kind: "malformed",
      event: "status_change",
      reason: "its data is not JSON",
    });
    expect(reasonOf("message_update", { id: -1, role: "agent", message: "", time })).toContain(
      "its id",
    );
    expect(reasonOf("message_update", { id: 1, role: "tool", message: "", time })).toContain(
      "its role",
    );
    expect(reasonOf("status_change", { status: "idle", agent_type: "" })).toContain("its status");
    expect(reasonOf("agent_error", null)).toContain("its data");
  });
});
