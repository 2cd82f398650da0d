/** Numbers in words: "1 task", "2 tasks", "1.5 MiB", and a length of time that somebody wrote. */
import ms from "ms";
import { UsageError } from "./usage-error.ts";

export const counted = (count: number, one: string, many = `${one}s`): string =>
  `${count} ${count === 1 ? one : many}`;

const units = ["B", "KiB", "MiB", "GiB", "TiB"] as const;

export const sizeWords = (bytes: number): string => {
  let size = bytes;
  let unit = 0;
  while (size >= 1024 && unit < units.length - 1) {
    size /= 1024;
    unit += 1;
  }
  return `${unit === 0 || size >= 100 ? Math.round(size) : size.toFixed(1)} ${units[unit] ?? ""}`;
};

/** "30d", "12 hours": milliseconds. Throws UsageError for anything that is no length of time. */
export const durationMs = (words: string): number => {
  // A number without a unit would be milliseconds, which nobody means who writes it by hand.
  const duration = /[a-z]/i.test(words) ? ms(words as ms.StringValue) : undefined;
  if (duration === undefined || !(duration >= 0))
    throw new UsageError(`"${words}" is no length of time, such as 30d or 12h`);
  return duration;
};
