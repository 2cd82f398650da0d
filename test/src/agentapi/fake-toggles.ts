/**
 * How a fake agentapi differs from a healthy v0.12.1: the environment variable FAKE_AGENTAPI, in JSON.
 *
 * The rule: what is not said is as on the real program, its bugs included; a toggle either turns one of
 * them off, to show what it does, or makes a failure happen that has to be waited for otherwise.
 */
import { z } from "zod";

const ms = z.number().nonnegative();

export const togglesSchema = z.strictObject({
  release: z.enum(["0.11.8", "0.12.0", "0.12.1"]).default("0.12.1"),
  /** Divides all waits of the real program: 2 s until stable, 1.1 s for a message, 15 s and 5 s limits. */
  pace: z.number().positive().default(1),
  /** When the agent counts as ready for input, whatever its screen says. */
  ready: z.union([z.literal("never"), ms]).optional(),
  bug: z
    .strictObject({
      /** A user message does not make the state worth saving. */
      dirty: z.boolean().default(true),
      /** A save before the load replaces the state that was not loaded yet. */
      saveBeforeLoad: z.boolean().default(true),
      /** An initial prompt counts as sent when it is enqueued. */
      promptSent: z.boolean().default(true),
      /** A reply that is the one before, again, is not taken for a reply, and the status stays running. */
      identicalReply: z.boolean().default(true),
    })
    .prefault({}),
  /** Between the temporary file and its rename. */
  saveDelayMs: ms.default(0),
  saveFail: z.enum(["ENOSPC", "EACCES", "crashBeforeRename"]).optional(),
  ignoreTerm: z.boolean().default(false),
  /** How much longer POST /message takes, holding its lock. */
  postHold: z.union([z.literal("forever"), ms]).default(0),
  /** Streams of events are opened, and say nothing. */
  sseStall: z.boolean().default(false),
  /** Instead of the real exit code of an end that was asked for. */
  exitCode: z.int().min(0).max(255).optional(),
});

export type Toggles = z.infer<typeof togglesSchema>;

/** As the harness gives them: what is left out is as on the real program. */
export type SomeToggles = z.input<typeof togglesSchema>;

export const readToggles = (text: string | undefined): Toggles =>
  togglesSchema.parse(JSON.parse(text ?? "{}"));
