/**
 * A file that should be one JSON value.
 *
 *     NUL? ─ mark of an encoding? ─ value ─ whole ─ nothing but spaces behind it? ─> fine
 *                                    └ torn, garbled    └ glued, zeroed
 *
 * The rule: what is told of the value up to where it breaks is told; one file has one finding about its bytes.
 */
import { markOf, utf8Mark } from "./encoding-mark.ts";
import { JsonScanner, type ScanListener } from "./json-scanner.ts";
import { NulRuns, skipNul } from "./nul-runs.ts";
import type { Source } from "./source.ts";
import type { Tally } from "./tally.ts";
import { Utf8Check } from "./utf8-check.ts";

/** Whether the value of the file, or the first of two, is whole: its program may still not take it. */
export interface JsonReading {
  readonly isWhole: boolean;
  /** Whole, and nothing else in the file: what JSON.parse takes. */
  readonly isClean: boolean;
}

/** Reads it through, tells `listener` and writes what it finds into `tally`. Errors of the disk pass through. */
export const readJson = async (
  source: Source,
  tally: Tally,
  listener: ScanListener,
  keys: ReadonlySet<string>,
): Promise<JsonReading> => {
  const nul = new NulRuns();
  const letters = new Utf8Check();
  const value = new JsonScanner(listener, keys);
  let isAlone = true;
  let mark: string | undefined;
  let leading = true;
  let valueEnd = 0;
  for await (const { bytes, startBytes } of source.chunks()) {
    nul.add(bytes, startBytes);
    letters.add(bytes, startBytes);
    let at = 0;
    if (leading) {
      at = skipNul(bytes, 0);
      leading = at === bytes.length;
      if (startBytes === 0) mark = markOf(bytes);
      if (mark === utf8Mark && startBytes === 0) at = 3;
    }
    if (value.status === "blank" || value.status === "open") {
      at = value.feed(bytes, at);
      valueEnd = startBytes + at;
      if (startBytes + at === source.sizeBytes) value.end();
    }
    if (value.status === "whole" && at < bytes.length) isAlone &&= isBlank(bytes, at);
  }
  const isWhole = value.status === "whole";
  const clean = isWhole && isAlone && nul.nulBytes === 0;
  if (clean) {
    if (mark !== undefined)
      tally.find("hidden", "begins with a byte order mark, which JSON.parse does not take");
    letters.end(source.sizeBytes);
    const { firstBad: startBytes } = letters;
    if (startBytes !== undefined) {
      const reason = `byte ${startBytes} is no UTF-8: other letters are shown there`;
      tally.find("garbled", reason, { startBytes });
    }
  } else tell(tally, source.sizeBytes, { nul, mark, value, valueEnd });
  return { isWhole, isClean: clean && mark === undefined };
};

/** From `from` on, the spaces that JSON knows. */
export const isBlank = (bytes: Uint8Array, from: number): boolean => {
  let at = from;
  while (spaces.has(bytes[at] ?? -1)) at += 1;
  return at === bytes.length;
};
const spaces = new Set([0x20, 0x0a, 0x0d, 0x09]);

interface Found {
  readonly nul: NulRuns;
  readonly mark: string | undefined;
  readonly value: JsonScanner;
  readonly valueEnd: number;
}

const tell = (tally: Tally, sizeBytes: number, found: Found): void => {
  const { nul, mark, value, valueEnd: startBytes } = found;
  if (sizeBytes === 0) return tally.find("zeroed", "is empty");
  if (nul.nulBytes === sizeBytes) return tally.find("zeroed", `is ${sizeBytes} NUL bytes`);
  if (mark?.startsWith("UTF-16") === true)
    return tally.find("garbled", `is ${mark}, which its program does not read as text`);
  if (nul.first !== undefined) {
    const { startBytes: from, endBytes } = nul.first;
    const more = nul.nulBytes - (endBytes - from);
    const others = more > 0 ? ` (and ${more} elsewhere)` : "";
    const reason = `bytes ${from} to ${endBytes - 1} are NUL${others}`;
    return tally.find("zeroed", reason, { startBytes: from });
  }
  if (value.status === "whole") {
    const behind = `${sizeBytes - startBytes} bytes of another text`;
    const reason = `a whole value ends at byte ${startBytes}; behind it stand ${behind}`;
    return tally.find("glued", reason, { startBytes });
  }
  if (value.status === "blank") return tally.find("garbled", "holds nothing but spaces");
  if (value.status === "open") {
    const where = value.isInString ? " inside a string" : "";
    return tally.find("torn", `is cut${where} at byte ${startBytes}`, { startBytes });
  }
  tally.find("garbled", `is no JSON from byte ${startBytes} on`, { startBytes });
};
