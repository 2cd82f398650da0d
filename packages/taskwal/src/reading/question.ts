/**
 * The frame of every reading verb: open the directory for reading, answer, close.
 *
 *     flags ─> open ─> a verb's answer ─> its exit code
 *               │        └ --at, --redact, --json, the pager: the same for all
 *               └ no lock, no file made in the directory
 *
 * The rule: what is read is not trusted. Code comes from --model only (model-file.ts), text goes through plain-text.ts.
 */
import { errnoOf, StoreError } from "@taskwal/errors";
import type { Model } from "@taskwal/core";
import { openOffline, type Offline } from "@taskwal/replay";
import { exitCodes } from "../exit-codes.ts";
import { loadModel } from "../model-file.ts";
import { openLateProgress, type LateProgress } from "../late-progress.ts";
import type { Terminal } from "../terminal.ts";
import { openAnswerSink, type AnswerSink } from "./answer-sink.ts";
import { plain } from "./plain-text.ts";
import { provenanceWords } from "./words.ts";
import { redactionOf, type Redaction } from "./redaction.ts";

export interface ReadingFlags {
  readonly dir: string;
  /** A point, as a person wrote it. Default: the last record. */
  readonly at: string | undefined;
  readonly json: boolean;
  /** Beside those that the environment configures. */
  readonly redact: readonly string[];
  readonly model: string | undefined;
  readonly pager: boolean;
  readonly cache: boolean;
}

export interface Asked {
  readonly offline: Offline;
  /** What --at says, or the last record. */
  readonly at: () => Promise<number>;
}

export interface Question extends Asked {
  readonly dir: string;
  readonly sink: AnswerSink;
  readonly redaction: Redaction;
  /** What the directory is read with. */
  readonly model: Model;
  /** Asks another directory as well, by the same model; it is closed behind the answer. */
  readonly beside: <T>(dir: string, work: (other: Asked) => Promise<T>) => Promise<T>;
  /** Ends by itself with the first line of the answer. */
  readonly progress: LateProgress;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
}

/** Throws UsageError, PointError, and what opening and reading throw. */
export const ask = async (
  flags: ReadingFlags,
  terminal: Terminal,
  answer: (question: Question) => Promise<number>,
): Promise<number> => {
  const redaction = redactionOf([...flags.redact, ...configuredPaths(process.env)]);
  const model = await loadModel(flags.model, flags.dir);
  const interrupt = new AbortController();
  const onInterrupt = (): void => interrupt.abort();
  process.once("SIGINT", onInterrupt);
  const progress = openLateProgress();
  const sink = openAnswerSink(process.stdout, terminal, flags, progress.end);
  try {
    const { signal } = interrupt;
    const cacheDir = flags.cache ? undefined : (false as const);
    const atOf = (of: Offline): Promise<number> => of.point(flags.at ?? "@last");
    const options = { model, cacheDir, onProgress: progress.reading, signal };
    const offline = await openOffline(flags.dir, options);
    try {
      const at = (): Promise<number> => atOf(offline);
      const beside: Question["beside"] = async (dir, work) => {
        const other = await openOffline(dir, options);
        try {
          return await work({ offline: other, at: () => atOf(other) });
        } finally {
          await other.close();
        }
      };
      const { dir } = flags;
      return await answer({ dir, offline, sink, redaction, at, model, beside, progress, signal });
    } finally {
      progress.end();
      await offline.close();
      await sink.end();
      tellIdle(redaction, flags.redact);
    }
  } catch (error) {
    if (interrupt.signal.aborted) return exitCodes.interrupted;
    if (error instanceof StoreError || errnoOf(error) === undefined) throw error;
    process.stderr.write(`taskwal: cannot read ${flags.dir}: ${errnoOf(error) ?? ""}\n`);
    return exitCodes.refused;
  } finally {
    process.off("SIGINT", onInterrupt);
  }
};

/** For an answer that says nothing else of the state: where it is, and how far it is to be believed. */
export const tellState = async (
  { offline, sink, at }: Question,
  kind: "end" | "following" = "end",
): Promise<void> => {
  const { provenance } = await offline.stateAt(await at());
  await sink.json(kind, { provenance });
  await sink.prose(provenanceWords(provenance));
};

/** $TASKWAL_REDACT: paths, with commas between them. */
const configuredPaths = ({ TASKWAL_REDACT = "" }: NodeJS.ProcessEnv): string[] =>
  TASKWAL_REDACT.split(",")
    .map((path) => path.trim())
    .filter((path) => path !== "");

/** A name that was mistyped hides nothing: whoever passes the answer on has to know. */
const tellIdle = (redaction: Redaction, asked: readonly string[]): void => {
  for (const path of redaction.idle().filter((one) => asked.includes(one)))
    process.stderr.write(`taskwal: --redact ${plain(path)} hid nothing in this answer\n`);
};
