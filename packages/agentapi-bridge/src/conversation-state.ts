/**
 * agentapi's own state file: what it holds, whether it is whole, and the bytes of one.
 *
 *     {"version":1,"messages":[{"id":0,"message":"…","role":"agent","time":"…"}, …],
 *      "initial_prompt":"…","initial_prompt_sent":true}⏎            one line, as agentapi writes it
 *
 * agentapi itself accepts less: it reads the first value and ignores what follows, and it takes a file
 * without messages for an empty conversation. Either is how a damaged file becomes a lost conversation.
 *
 * The rule: `ok` is a file that is whole to its last byte, the newline, with the ids 0, 1, 2, … Fields
 * that are not known are no damage: agentapi ignores them too. What is `invalid` is never repaired here.
 */
import { z } from "zod";

const rfc3339 = z.iso.datetime({ offset: true });
const role = z.enum(["agent", "user"]);
const stateSchema = z.object({
  version: z.literal(1),
  messages: z.array(z.object({ id: z.int(), message: z.string(), role, time: rfc3339 })),
  initial_prompt: z.string(),
  initial_prompt_sent: z.boolean(),
});

/** A message; its id is its place. Agent text is screen text, padded with spaces: it is kept raw. */
export interface ConversationMessage {
  readonly role: "agent" | "user";
  readonly message: string;
  /** RFC 3339, with up to nine digits of a second. */
  readonly time: string;
}

export interface ConversationState {
  readonly messages: readonly ConversationMessage[];
  /** "" where there was none. */
  readonly initialPrompt: string;
  /** True as soon as it was enqueued: it says nothing of its arrival at the agent. */
  readonly initialPromptSent: boolean;
}

export type ReadConversationState =
  | { readonly verdict: "ok"; readonly state: ConversationState }
  | { readonly verdict: "invalid"; readonly reason: string };

const invalid = (reason: string): ReadConversationState => ({ verdict: "invalid", reason });

/** Reads the whole content of a state file. Never throws. */
export const parseConversationState = (bytes: Uint8Array): ReadConversationState => {
  if (bytes.length === 0) return invalid("it is empty");
  if (bytes.at(-1) !== 0x0a)
    return invalid("it does not end with the newline that agentapi writes");
  let value: unknown;
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    value = JSON.parse(text);
  } catch (error) {
    return invalid(
      error instanceof SyntaxError ? "it is not one value of JSON" : "it is not valid UTF-8",
    );
  }
  const read = stateSchema.safeParse(value);
  if (!read.success) return invalid(reasonOf(read.error.issues[0], value));
  const { messages, initial_prompt: initialPrompt, initial_prompt_sent } = read.data;
  const misplaced = messages.findIndex(({ id }, index) => id !== index);
  if (misplaced >= 0) {
    return invalid(`message ${misplaced} has the id ${messages[misplaced]?.id}`);
  }
  return {
    verdict: "ok",
    state: {
      messages: messages.map(({ message, role, time }) => ({ role, message, time })),
      initialPrompt,
      initialPromptSent: initial_prompt_sent,
    },
  };
};

const reasonOf = (issue: z.core.$ZodIssue | undefined, value: unknown): string => {
  const where = issue?.path.join(".") ?? "";
  if (where === "version") {
    const { version } = value as { version?: unknown };
    return version === undefined
      ? "it has no version"
      : `it is of version ${JSON.stringify(version)}`;
  }
  return where === "" ? "it is not an object" : `${where} is not as agentapi writes it`;
};

/**
 * The bytes of a state file, byte for byte as agentapi writes it. `initial_prompt_sent` is what the
 * caller knows of the prompt: agentapi delivers one that was not sent. Throws a TypeError for a time
 * that is not RFC 3339, since agentapi would refuse the whole file.
 */
export const composeConversationState = (state: ConversationState): Uint8Array => {
  const messages = state.messages.map(({ message, role, time }, id) => {
    if (!rfc3339.safeParse(time).success) {
      throw new TypeError(`the time of message ${id} is not RFC 3339: ${JSON.stringify(time)}`);
    }
    return { id, message, role, time };
  });
  const text = JSON.stringify({
    version: 1,
    messages,
    initial_prompt: state.initialPrompt,
    initial_prompt_sent: state.initialPromptSent,
  });
  return new TextEncoder().encode(`${escapedAsGoDoes(text)}\n`);
};

/** Go escapes these five inside strings, and outside of strings JSON has none of them. */
const escapedAsGoDoes = (json: string): string =>
  json.replace(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
