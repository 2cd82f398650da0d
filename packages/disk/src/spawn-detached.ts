/**
 * A program that is started so that it outlives whoever started it.
 *
 *     standard input    none: nothing that waits for its end waits for us
 *     output, errors    appended to a file: a pipe would take the program with it when its reader is gone
 *     process group     its own: a Ctrl-C at our terminal is not one at its
 *
 * The rule: no door between the two stays open but the file system, so that either may end at any time.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";

export interface DetachedProgram {
  /** The program and its words. */
  readonly command: readonly [string, ...string[]];
  /** All of its environment. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Created (0600) if it is missing; its folder must exist. */
  readonly outputFile: string;
}

export interface DetachedProcess {
  readonly pid: number;
  /** Once it has ended and was collected. Does not keep this process alive. */
  readonly ended: Promise<ProcessEnd>;
}

export interface ProcessEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** Throws what the system says of the program (ENOENT, EACCES) or of the file. */
export const spawnDetached = async (program: DetachedProgram): Promise<DetachedProcess> => {
  const [file, ...words] = program.command;
  const output = openSync(program.outputFile, "a", 0o600);
  try {
    const child = spawn(file, words, {
      detached: true,
      stdio: ["ignore", output, output],
      env: program.env,
    });
    const ended = new Promise<ProcessEnd>((done) => {
      child.once("exit", (code, signal) => done({ code, signal }));
    });
    await once(child, "spawn");
    child.unref();
    return { pid: child.pid ?? 0, ended };
  } finally {
    closeSync(output);
  }
};
