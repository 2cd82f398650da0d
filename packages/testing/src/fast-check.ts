/**
 * The door to fast-check, which users bring: given by them, else the one that is installed beside this
 * package.
 *
 * The rule: it is loaded when something asks for it and not before, so that the simulated disk is to be
 * had without it.
 */
import { createRequire } from "node:module";
import type * as module from "fast-check";

/** The module as it is imported: `import * as fc from "fast-check"`. */
export type FastCheck = typeof module;
export type { Arbitrary } from "fast-check";

/** @throws Error with what to install, if it is neither given nor installed. */
export const fastCheck = (given?: FastCheck): FastCheck => {
  if (given) return given;
  try {
    return createRequire(import.meta.url)("fast-check") as FastCheck;
  } catch (cause) {
    throw new Error(
      "fast-check 4 is needed and not installed: add it to the devDependencies, or pass it as `fc`",
      { cause },
    );
  }
};
