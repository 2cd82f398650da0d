/**
 * What a reading verb answers with: lines for a person, or JSON for a machine; never both.
 *
 *     text()    a line           people only: may be styled, its foreign parts are plain text already
 *     json()    one object       --json only: `v` and `kind` first; one document, or a line of a stream
 *
 * The rule: warnings and progress go to stderr, so that stdout holds the answer and nothing else.
 */
import { wrapped, type Terminal } from "../terminal.ts";
import { paged, straight, type LineSink } from "./pager.ts";
import { plainJson } from "./plain-text.ts";

/** The version of the shapes that --json prints. */
export const shapesVersion = 1;

/** One answer for a machine. */
export const answerJson = (kind: string, body: object): string =>
  plainJson({ v: shapesVersion, kind, ...body });

export interface AnswerSink {
  readonly isJson: boolean;
  readonly terminal: Terminal;
  /** Resolves when more can be taken; false once nobody reads any more. */
  readonly text: (line?: string) => Promise<boolean>;
  /** As text, and broken at spaces where it is longer than a line. */
  readonly prose: (line: string) => Promise<boolean>;
  readonly lines: (lines: readonly string[]) => Promise<boolean>;
  readonly json: (kind: string, body: object) => Promise<boolean>;
  readonly end: () => Promise<void>;
}

export const openAnswerSink = (
  out: NodeJS.WriteStream,
  terminal: Terminal,
  { json, pager }: { readonly json: boolean; readonly pager: boolean },
  beforeOutput = (): void => {},
): AnswerSink => {
  const sink: LineSink =
    pager && out.isTTY && !json
      ? paged(out, process.env, beforeOutput)
      : straight(out, beforeOutput);
  const text = async (line = ""): Promise<boolean> => json || sink.line(line);
  return {
    isJson: json,
    terminal,
    text,
    lines: async (lines) => {
      let open = true;
      for (const line of lines) open = open && (await text(line));
      return open;
    },
    json: async (kind, body) => (json ? sink.line(answerJson(kind, body)) : true),
    prose: async (line) => {
      let open = true;
      for (const part of wrapped(line)) open = open && (await text(part));
      return open;
    },
    end: sink.end,
  };
};
