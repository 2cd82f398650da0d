/**
 * A mark: a name that a person gives to a place in the log, so that it is found again ("mark:before-upgrade").
 *
 * The rule: a name is what fits in one word of a command line and in a point; the newest of a name counts.
 */
import { InvalidMutationError } from "@taskwal/errors";
import { limits } from "@taskwal/format";

export interface MarkOptions {
  /** Why the place is worth finding again. */
  readonly text?: string | undefined;
}

/** UTF-16 units. */
const textLengthMax = 4_096;

/** Words of letters, digits, _ and -, with single dots between: `2026-11-29`, `v1.2.3`. */
const namePattern = /^[\p{L}\p{N}_-]+(\.[\p{L}\p{N}_-]+)*$/u;

/** Throws InvalidMutationError. */
export const assertMark = (name: string, { text }: MarkOptions): void => {
  if (!namePattern.test(name) || Buffer.byteLength(name) > limits.labelBytesMax) {
    throw new InvalidMutationError({
      reason: `a mark's name is made of letters, digits, "_", "-" and single dots, at most ${limits.labelBytesMax} bytes`,
    });
  }
  if (text !== undefined && text.length > textLengthMax)
    throw new InvalidMutationError({ reason: `a mark's text has at most ${textLengthMax} signs` });
};
