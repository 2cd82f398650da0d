/**
 * Where a path leads: two names of one place are the same text.
 *
 *     state -> /data/run-7      state/new/file ─> /data/run-7/new/file
 *
 * The rule: symbolic links are followed as far as the path exists; what is not there yet keeps its name.
 */
import { realpathSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";

/** Absolute. Never throws: of what may not be looked at, the part that may be. */
export const realPath = (path: string): string => {
  const whole = resolve(path);
  try {
    return realpathSync(whole);
  } catch {
    const parent = dirname(whole);
    return parent === whole ? whole : join(realPath(parent), basename(whole));
  }
};
