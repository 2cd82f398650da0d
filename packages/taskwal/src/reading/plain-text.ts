/**
 * Text of others as a terminal may have it: what an agent said can hold escape codes and marks that turn the
 * direction of writing. They are shown, never sent.
 *
 *     "\u001b[31mred" ─> \u001b[31mred        a line end ─> \n
 *
 * The rule: everything that did not come from this program's own words goes through here.
 */
import stringWidth from "string-width";

/** Controls, format characters (of which those that turn directions), line separators, half characters. */
const unsafe = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;
/** They join letters and emoji, and do nothing else. */
const joiners = new Set(["\u200C", "\u200D"]);
const named: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

const unitsOf = (text: string): string =>
  Array.from({ length: text.length }, (_, index) => {
    const unit = text.charCodeAt(index);
    return `\\u${unit.toString(16).padStart(4, "0")}`;
  }).join("");

/** One line that no terminal acts on. */
export const plain = (text: string): string =>
  text.replaceAll(unsafe, (found) =>
    joiners.has(found) ? found : (named[found] ?? unitsOf(found)),
  );

/** A value as JSON text that means the same to a machine and that no terminal acts on either. */
export const plainJson = (value: unknown): string =>
  JSON.stringify(value).replaceAll(unsafe, (found) =>
    joiners.has(found) ? found : unitsOf(found),
  );

const graphemes = new Intl.Segmenter("en", { granularity: "grapheme" });

/** How many columns of a terminal plain text takes. */
export const columnsOf = (text: string): number => stringWidth(text);

/** At most so many columns of plain text; what is cut ends with an ellipsis. */
export const cut = (text: string, columnsMax: number): string => {
  if (text.length <= columnsMax * 4 && columnsOf(text) <= columnsMax) return text;
  let kept = "";
  let columns = 0;
  for (const { segment } of graphemes.segment(text.slice(0, columnsMax * 16))) {
    columns += columnsOf(segment);
    if (columns > columnsMax - 1) break;
    kept += segment;
  }
  return `${kept}…`;
};

/** Filled with spaces to so many columns, or cut. */
export const fitted = (text: string, columns: number, align: "left" | "right" = "left"): string => {
  const shown = cut(text, columns);
  const spaces = " ".repeat(Math.max(0, columns - columnsOf(shown)));
  return align === "right" ? spaces + shown : shown + spaces;
};
