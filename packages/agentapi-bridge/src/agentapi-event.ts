/**
 * What agentapi's events mean.
 *
 *     message_update   a message is there, or its text was rewritten: the same id comes again and again
 *     status_change    the agent works, or waits
 *     agent_error      today only: the saved state could not be loaded; told again at every connection
 *
 * The rule: an event of another name is `unknown` and one whose data is not as described `malformed`.
 * Neither is an error: a client that fails on what it does not know is cut off by the next version.
 */
import { z } from "zod";

import type { StreamEvent } from "./event-stream.ts";

const messageUpdate = z.object({
  id: z.int().nonnegative(),
  role: z.enum(["agent", "user"]),
  message: z.string(),
  time: z.string(),
});
const statusChange = z.object({ status: z.enum(["running", "stable"]), agent_type: z.string() });
const agentError = z.object({
  message: z.string(),
  level: z.enum(["warning", "error"]),
  time: z.string(),
});

const shapes = {
  message_update: messageUpdate,
  status_change: statusChange,
  agent_error: agentError,
} as const;

export type AgentApiEvent =
  | ({ readonly kind: "message_update" } & Readonly<z.infer<typeof messageUpdate>>)
  | ({ readonly kind: "status_change" } & Readonly<z.infer<typeof statusChange>>)
  | ({ readonly kind: "agent_error" } & Readonly<z.infer<typeof agentError>>)
  | { readonly kind: "unknown"; readonly event: string }
  | { readonly kind: "malformed"; readonly event: string; readonly reason: string };

const isKnown = (event: string): event is keyof typeof shapes => Object.hasOwn(shapes, event);

export const readAgentApiEvent = (
  event: Extract<StreamEvent, { kind: "event" }>,
): AgentApiEvent => {
  const { event: name } = event;
  if (!isKnown(name)) return { kind: "unknown", event: name };
  let value: unknown;
  try {
    value = JSON.parse(event.data);
  } catch {
    return { kind: "malformed", event: name, reason: "its data is not JSON" };
  }
  const read = shapes[name].safeParse(value);
  if (!read.success) {
    const [issue] = read.error.issues;
    const where = issue?.path.join(".") ?? "";
    return {
      kind: "malformed",
      event: name,
      reason: `${where === "" ? "its data" : `its ${where}`} is not as described: ${issue?.message}`,
    };
  }
  return { kind: name, ...read.data } as AgentApiEvent;
};
