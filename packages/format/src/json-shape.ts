/**
 * Looking at values behind a right checksum: it says that the bytes are what somebody wrote, not who.
 *
 * The rule: what is odd is a value (undefined, false), never an exception.
 */

/** What the text says as JSON; undefined if it is none. */
export const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
};

export const isJsonObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** A whole number from 0 to 2^53 - 1. */
export const isCount = (value: unknown): value is number =>
  Number.isSafeInteger(value) && Number(value) >= 0;
