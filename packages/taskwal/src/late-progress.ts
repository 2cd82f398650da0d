/**
 * A moving line on stderr about work that takes long, if that is a terminal.
 *
 *     reading ████████████░░░░░░░░ 61 %  @610000 of @1000000, 2 s left
 *
 * The rule: short work shows none; once something of the answer is written, there is none any more.
 */
import { openTerminal } from "./terminal.ts";

/** Shown of work that takes longer than that. */
const lateMs = 500;
/** Not oftener than an eye follows. */
const pauseMs = 100;

export interface LateProgress {
  readonly show: (text: () => string) => void;
  /** Of a log that is read. */
  readonly reading: (at: { readonly sequence: number; readonly last: number }) => void;
  /** The line goes, and none comes. */
  readonly end: () => void;
}

/** `nowMs`: from an arbitrary start. */
export const openLateProgress = (
  out: NodeJS.WriteStream = process.stderr,
  nowMs: () => number = () => performance.now(),
): LateProgress => {
  const terminal = openTerminal(out);
  const startMs = nowMs();
  let nextMs = startMs + lateMs;
  let shown = false;
  const show = (text: () => string): void => {
    const now = nowMs();
    if (now < nextMs) return;
    nextMs = now + pauseMs;
    shown = true;
    terminal.progress(text());
  };
  return {
    show,
    reading: ({ sequence, last }) =>
      show(
        () => `reading ${barOf(sequence, last)}, ${leftWords(sequence / last, nowMs() - startMs)}`,
      ),
    end: () => {
      if (shown) terminal.progress("");
      [shown, nextMs] = [false, Infinity];
    },
  };
};

const barCells = 20;

const barOf = (sequence: number, last: number): string => {
  const share = last > 0 ? Math.min(1, sequence / last) : 1;
  const full = Math.floor(share * barCells);
  const percent = String(Math.floor(share * 100)).padStart(2);
  return `${"█".repeat(full)}${"░".repeat(barCells - full)} ${percent} %  @${sequence} of @${last}`;
};

/** As if it went on as it went. */
const leftWords = (share: number, elapsedMs: number): string =>
  `${share > 0 ? Math.ceil((elapsedMs * (1 - share)) / share / 1_000) : "?"} s left`;
