/** A moving line on stderr about work that takes long, if that is a terminal. The rule: short work shows none. */
import { openTerminal } from "./terminal.ts";

/** Shown of work that takes longer than that. */
const quietMs = 500;

export interface LateProgress {
  readonly show: (text: () => string) => void;
  /** Of a log that is read. */
  readonly reading: (at: { readonly sequence: number; readonly last: number }) => void;
  readonly end: () => void;
}

export const openLateProgress = (): LateProgress => {
  const terminal = openTerminal(process.stderr);
  let late = false;
  let shown = false;
  const timer = setTimeout(() => (late = true), quietMs);
  timer.unref();
  const show = (text: () => string): void => {
    if (!late) return;
    shown = true;
    terminal.progress(text());
  };
  return {
    show,
    reading: ({ sequence, last }) => show(() => `reading @${sequence} of @${last}`),
    end: () => {
      clearTimeout(timer);
      if (shown) terminal.progress("");
    },
  };
};
