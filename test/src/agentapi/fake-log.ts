/**
 * The log of the real program: one line of `key=value` for each event, on the standard output.
 *
 * The rule: written at once, so that a line is there before the thing that it announces goes on. Whoever
 * reads the other end and goes away takes the program with him: it dies of SIGPIPE, as a Go program does.
 */
import { writeSync } from "node:fs";

export type LogLevel = "INFO" | "WARN" | "ERROR";

const quoted = (value: string): string =>
  /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value);

export const log = (
  level: LogLevel,
  message: string,
  fields: Readonly<Record<string, string | number>> = {},
): void => {
  const words = [
    `time=${new Date().toISOString()}`,
    `level=${level}`,
    `msg=${JSON.stringify(message)}`,
    ...Object.entries(fields).map(([name, value]) => `${name}=${quoted(String(value))}`),
  ];
  writeOut(1, `${words.join(" ")}\n`);
};

export const writeOut = (descriptor: 1 | 2, text: string): void => {
  try {
    writeSync(descriptor, text);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EPIPE") throw error;
    dieOfSignal("SIGPIPE");
  }
};

/** Ends this process by a signal that Node would catch or ignore: no handler is left, so the default is done. */
export const dieOfSignal = (signal: NodeJS.Signals): void => {
  const handler = (): void => {};
  process.on(signal, handler);
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
};
