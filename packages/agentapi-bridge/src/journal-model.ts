/**
 * What the journal of one agentapi keeps: its life, what was said, what was sent.
 *
 *     session    session.begun  session.noted  session.placed                 one, "agentapi"
 *     message    message.heard  message.recovered  message.accepted           "0", "1", "2", …
 *                message.missed  message.revised
 *     command    command.intended  command.settled  command.seen              "1", "2", "3", …
 *
 * The rule: a message is never removed, and its text changes only while it is the last one and the agent's.
 * A revision carries what differs from the text before it, so a reply that grows costs the log its length.
 */
import { defineEntity, defineModel } from "@taskwal/core";
import { z } from "zod";

const index = z.int().nonnegative();

const processSchema = z.object({
  pid: z.int(),
  startTime: z.string(),
  bootId: z.string(),
  pidNamespace: z.string(),
  host: z.string(),
});

const factsSchema = z.object({
  phase: z.enum(["preflight", "spawned", "started", "ready", "stopping", "stopped"]),
  process: processSchema.nullable(),
  port: z.int().nullable(),
  loadResolved: z.boolean(),
  checkpoint: z
    .object({ verdict: z.string(), sha256: z.string(), at: z.number(), messages: index })
    .nullable(),
});

/**
 * Which messages those are that agentapi counts from 0: from `id` on they stand in the journal from `index` on, up to
 * the next run. Not certain until a new agentapi has told what it goes on with.
 */
const placeSchema = z.object({
  runs: z.array(z.object({ id: index, index })).min(1),
  isCertain: z.boolean(),
});

const sessionSchema = factsSchema.extend({ id: z.string(), place: placeSchema });

const session = defineEntity({
  name: "session",
  collection: "sessions",
  version: 1,
  schema: sessionSchema,
  mirror: false,
  create: {
    "session.begun": {
      payload: z.object({}),
      reduce: (_, { id }) => ({
        id,
        phase: "preflight",
        process: null,
        port: null,
        loadResolved: false,
        checkpoint: null,
        place: { runs: [{ id: 0, index: 0 }], isCertain: false },
      }),
    },
  },
  change: {
    "session.noted": {
      payload: factsSchema.partial(),
      reduce: (before, facts) => ({ ...before, ...facts }) as z.infer<typeof sessionSchema>,
    },
    "session.placed": {
      payload: z.object({ place: placeSchema }),
      reduce: (before, { place }) => ({ ...before, place }),
    },
  },
});

const spoken = z.object({ role: z.enum(["agent", "user"]), message: z.string(), time: z.string() });

const messageSchema = spoken.extend({
  id: z.string(),
  /**
   * How the journal came by it: from the stream of events; after an end, from the state file, or from a command that
   * was accepted, whose time is that of the answer; or not at all.
   */
  origin: z.enum(["heard", "recovered", "accepted", "missed"]),
});

const message = defineEntity({
  name: "message",
  collection: "messages",
  version: 1,
  schema: messageSchema,
  mirror: false,
  create: {
    "message.heard": {
      payload: spoken,
      reduce: (said, { id }) => ({ id, ...said, origin: "heard" }),
    },
    "message.recovered": {
      payload: spoken,
      reduce: (said, { id }) => ({ id, ...said, origin: "recovered" }),
    },
    "message.accepted": {
      payload: spoken,
      reduce: (said, { id }) => ({ id, ...said, origin: "accepted" }),
    },
    "message.missed": {
      payload: z.object({}),
      reduce: (_, { id, at }) => {
        const time = new Date(at).toISOString();
        return { id, role: "agent", message: "", time, origin: "missed" };
      },
    },
  },
  change: {
    "message.revised": {
      payload: z.object({ keep: index, text: z.string(), time: z.string() }),
      reduce: (before, { keep, text, time }) => ({
        ...before,
        message: before.message.slice(0, keep) + text,
        time,
      }),
    },
  },
});

const outcome = z.enum(["pending", "accepted", "rejected", "indeterminate"]);

const commandSchema = z.object({
  id: z.string(),
  text: z.string(),
  /** The journal's last message when it was intended, -1 for none: what it became stands after it. */
  afterId: z.int().min(-1),
  outcome,
  detail: z.string().optional(),
  /** When it was settled, in milliseconds since the epoch. */
  settledAt: z.number().optional(),
  /** The message that it became. */
  messageId: index.optional(),
});

const command = defineEntity({
  name: "command",
  collection: "commands",
  version: 1,
  schema: commandSchema,
  mirror: false,
  create: {
    "command.intended": {
      payload: commandSchema.pick({ text: true, afterId: true }),
      reduce: (intent, { id }) => ({ id, ...intent, outcome: "pending" }),
    },
  },
  change: {
    "command.settled": {
      payload: z.object({
        outcome: outcome.exclude(["pending"]),
        detail: z.string().exactOptional(),
      }),
      reduce: (before, settled, { at }) => ({ ...before, ...settled, settledAt: at }),
    },
    "command.seen": {
      payload: z.object({ messageId: index }),
      reduce: ({ id, text, afterId }, { messageId }, { at }) => {
        return { id, text, afterId, outcome: "accepted", settledAt: at, messageId };
      },
    },
  },
});

/** For `openStore`, and for reading a journal offline. */
export const journalModel = defineModel({
  entities: { sessions: session, messages: message, commands: command },
});

export type JournalEntry = z.infer<typeof messageSchema>;
export type JournalCommand = z.infer<typeof commandSchema>;
export type JournalFacts = z.infer<typeof factsSchema>;
export type Place = z.infer<typeof placeSchema>;
