/** Times as files of others have them. */

/** ISO text, or milliseconds since the epoch; undefined for anything else. */
export const timeMs = (value: unknown): number | undefined => {
  const ms = typeof value === "string" && isoTime.test(value) ? Date.parse(value) : value;
  return typeof ms === "number" && ms >= earliestMs && ms < latestMs ? ms : undefined;
};

export const isoOf = (ms: number): string => new Date(ms).toISOString();

const isoTime = /^\d{4}-\d\d-\d\dT/;
/** 2001 to 2286: what lies outside is a counter or a number of seconds, not milliseconds. */
const earliestMs = 1e12;
const latestMs = 1e13;
