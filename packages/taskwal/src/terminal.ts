/**
 * What a command writes: colours and a moving line only on a terminal, 80 columns everywhere.
 *
 * The rule: a closed pipe is not an error, a full disk is one in a sentence, and without a terminal the output has no escape codes.
 */
import { styleText } from "node:util";
import { exitCodes } from "./exit-codes.ts";

const columns = 80;

export interface Terminal {
  /** Writes lines; longer ones are broken at spaces, with the indentation of the first part and two more. */
  readonly say: (text?: string) => void;
  readonly heading: (text: string) => void;
  /** Writes text as it is: for machines. */
  readonly raw: (text: string) => void;
  /** From here on the work goes on also when nobody reads what it writes. For what must come to its end. */
  readonly outliveReader: () => void;
  /** Shows how far long work is: in place on a terminal, not at all elsewhere. */
  readonly progress: (text: string) => void;
  readonly good: (text: string) => string;
  readonly bad: (text: string) => string;
  readonly dim: (text: string) => string;
}

export const openTerminal = (out: NodeJS.WriteStream): Terminal => {
  const colours = wantsColours(out.isTTY, process.env);
  const style = (format: Parameters<typeof styleText>[0], text: string): string =>
    colours ? styleText(format, text) : text;
  let endsWithReader = true;
  out.on("error", (error: NodeJS.ErrnoException) => {
    if (!endsWithReader) return;
    // `taskwal … | head` closes the pipe when it has seen enough.
    if (error.code === "EPIPE") process.exit(exitCodes.fine);
    process.stderr.write(`taskwal: cannot write the answer: ${error.code ?? error.message}\n`);
    process.exit(exitCodes.refused);
  });
  const clear = (): void => void (out.isTTY && out.write("\r\u001B[K"));
  const say = (text = ""): void => {
    clear();
    for (const line of text.split("\n")) out.write(`${wrapped(line).join("\n")}\n`);
  };
  return {
    say,
    raw: (text) => void out.write(text),
    outliveReader: () => {
      endsWithReader = false;
      process.stderr.on("error", () => {});
    },
    heading: (text) => say(`\n${style("bold", text)}`),
    progress: (text) => {
      if (!out.isTTY) return;
      clear();
      out.write(style("dim", text.slice(0, columns - 1)));
    },
    good: (text) => style("green", text),
    bad: (text) => style("red", text),
    dim: (text) => style("dim", text),
  };
};

/** no-color.org: present and not empty. FORCE_COLOR is for those who know that what reads along can show them. */
const wantsColours = (isTerminal: boolean, { NO_COLOR, FORCE_COLOR }: NodeJS.ProcessEnv): boolean =>
  FORCE_COLOR ? FORCE_COLOR !== "0" : isTerminal && !NO_COLOR;

/** A line that is in one style from its beginning to its end. */
// oxlint-disable-next-line no-control-regex -- escape codes begin with one
const styledLine = /^(\u001B\[\d+m)([^\u001B]*)(\u001B\[\d+m)$/;
// oxlint-disable-next-line no-control-regex -- escape codes begin with one
const visible = (text: string): number => text.replaceAll(/\u001B\[[\d;]*m/g, "").length;

/** Breaks a line at spaces; a word that is longer than a line is broken where it must be. */
export const wrapped = (line: string): string[] => {
  if (visible(line) <= columns) return [line];
  const [, on = "", inner = "", off = ""] = styledLine.exec(line) ?? [];
  if (on !== "") return wrapped(inner).map((part) => `${on}${part}${off}`);
  const indent = " ".repeat(Math.min(40, line.search(/\S|$/)) + 2);
  const lines: string[] = [];
  let rest = line;
  while (visible(rest) > columns) {
    const space = rest.lastIndexOf(" ", columns);
    const cut = space > indent.length ? space : columns;
    lines.push(rest.slice(0, cut));
    rest = indent + rest.slice(cut).trimStart();
  }
  return [...lines, rest];
};
