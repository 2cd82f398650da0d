/**
 * The state file of the real program: how it is saved, and what is taken for one.
 *
 *     save    <state>.tmp, truncated and written ─ fsync ─ rename           no lock, no sync of the folder
 *     load    the first value of JSON in the file, whatever follows it
 *
 * The rule: the steps and the words of the real one; a save that fails leaves no temporary file.
 */
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";

import type { Toggles } from "./fake-toggles.ts";

export interface FakeMessage {
  readonly id: number;
  readonly message: string;
  readonly role: "agent" | "user";
  readonly time: string;
}

export interface FakeState {
  readonly messages: readonly FakeMessage[];
  readonly initialPrompt: string;
  readonly initialPromptSent: boolean;
}

const reasons: Readonly<Record<string, string>> = {
  EACCES: "permission denied",
  ENOSPC: "no space left on device",
  EISDIR: "is a directory",
  EEXIST: "file exists",
  ENOTDIR: "not a directory",
  ENOENT: "no such file or directory",
};

const reasonOf = (error: unknown): string => {
  const code = (error as NodeJS.ErrnoException).code ?? "";
  return reasons[code] ?? code;
};

/** What the real program logs for a step that failed. */
const step = <T>(says: string, call: string, run: () => T): T => {
  try {
    return run();
  } catch (error) {
    throw new Error(`${says}:\n  - ${call}: ${reasonOf(error)}`, { cause: error });
  }
};

const failing = (code: string): never => {
  throw Object.assign(new Error(code), { code });
};

export const saveStateFile = async (
  path: string,
  state: FakeState,
  { saveDelayMs, saveFail }: Toggles,
): Promise<void> => {
  const temporary = `${path}.tmp`;
  const text = `${goJson({
    version: 1,
    messages: state.messages,
    initial_prompt: state.initialPrompt,
    initial_prompt_sent: state.initialPromptSent,
  })}\n`;
  step("failed to create state directory", `mkdir ${dirname(path)}`, () =>
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 }),
  );
  const descriptor = step("failed to create temp state file", `open ${temporary}`, () =>
    saveFail === "EACCES" ? failing("EACCES") : openSync(temporary, "w", 0o600),
  );
  try {
    step("failed to encode state", `write ${temporary}`, () =>
      saveFail === "ENOSPC" ? failing("ENOSPC") : writeSync(descriptor, text),
    );
    fsyncSync(descriptor);
    closeSync(descriptor);
    if (saveFail === "crashBeforeRename") process.kill(process.pid, "SIGKILL");
    if (saveDelayMs > 0) await sleep(saveDelayMs);
    step("failed to rename state file", `rename ${temporary} ${path}`, () => {
      try {
        renameSync(temporary, path);
      } catch (error) {
        // Where Linux says that the target is a directory, the real program says that the file exists.
        throw (error as NodeJS.ErrnoException).code === "EISDIR" ? failing("EEXIST") : error;
      }
    });
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
};

/** As Go encodes JSON for a file or an event: with what HTML reads as markup escaped. */
export const goJson = (value: unknown): string =>
  JSON.stringify(value).replace(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );

const savedSchema = z.object({
  messages: z
    .array(
      z.object({
        id: z.int(),
        message: z.string(),
        role: z.enum(["agent", "user"]),
        time: z.iso.datetime({ offset: true }),
      }),
    )
    .nullish(),
  initial_prompt: z.string().default(""),
  initial_prompt_sent: z.boolean().default(false),
});

const corrupted = (why: string): never => {
  throw new Error(`failed to unmarshal state (corrupted or invalid JSON):\n  - ${why}`);
};

/** Undefined where there is no file; throws, in the words of the real program, where there is no state in it. */
export const loadStateFile = (path: string): FakeState | undefined => {
  if (!existsSync(path)) return undefined;
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    return corrupted(`read ${path}: ${reasonOf(error)}`);
  }
  const value = firstJsonValue(text);
  const { version = 0 } = value as { version?: unknown };
  if (version !== 1) {
    throw new Error(`unsupported state file version ${JSON.stringify(version)} (expected 1):`);
  }
  const read = savedSchema.safeParse(value);
  if (!read.success) return corrupted("json: cannot unmarshal into the type of state");
  return {
    messages: read.data.messages ?? [],
    initialPrompt: read.data.initial_prompt,
    initialPromptSent: read.data.initial_prompt_sent,
  };
};

/** The first value of JSON in a text: an object; what follows it is not looked at. */
const firstJsonValue = (text: string): unknown => {
  const trimmed = text.replace(/^[ \t\r\n]+/, "");
  if (trimmed === "") return corrupted("EOF");
  if (!trimmed.startsWith("{")) return corrupted(whyNoValue(trimmed));
  const end = endOfObject(trimmed);
  if (end === undefined) return corrupted("unexpected EOF");
  try {
    return JSON.parse(trimmed.slice(0, end));
  } catch {
    return corrupted("invalid character");
  }
};

const whyNoValue = (text: string): string => {
  const literal = ["true", "false", "null"].find((word) => word[0] === text[0]);
  if (literal === undefined) {
    const first = text[0] ?? "";
    const code = first.charCodeAt(0).toString(16).padStart(2, "0");
    const shown = first < " " ? `\\x${code}` : first;
    return `invalid character '${shown}' looking for beginning of value`;
  }
  const wrong = Array.from(literal).findIndex((letter, index) => text[index] !== letter);
  return `invalid character '${text[wrong]}' in literal ${literal} (expecting '${literal[wrong]}')`;
};

const endOfObject = (text: string): number | undefined => {
  let depth = 0;
  for (const { 0: token, index } of text.matchAll(/"(?:[^"\\]|\\.)*"?|[{}]/gs)) {
    if (token === "{") depth += 1;
    if (token === "}") depth -= 1;
    if (depth === 0) return index + 1;
  }
  return undefined;
};
