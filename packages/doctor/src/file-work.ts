/**
 * How a file is read that no layout knows: by the end of its name.
 *
 *     a.json     one value                   a.json.tmp   a.json.bak     as a.json
 *     a.jsonl    a session, line by line     a.log        text for people
 *
 * The rule: a name that says nothing is not looked into.
 */
import { readJson } from "./json-file.ts";
import { leftoverOf } from "./leftover.ts";
import { readSession } from "./session-file.ts";
import type { Source } from "./source.ts";
import type { Tally } from "./tally.ts";
import { readText } from "./text-file.ts";

export interface Work {
  /** What `tally.count` counts. */
  readonly unit: string;
  readonly read: (source: Source, tally: Tally) => Promise<unknown>;
}

export const workByName = (path: string): Work | undefined => {
  const leftover = leftoverOf(path);
  if (leftover) {
    const work = workByName(leftover.of);
    return work && leftover.kind === "temporary" ? hidden(work) : work;
  }
  if (/\.(jsonl|ndjson)$/.test(path)) return { unit: "records", read: readSession };
  if (path.endsWith(".json")) return { unit: "values", read: readValue };
  return path.endsWith(".log") ? { unit: "lines", read: readText } : undefined;
};

const hidden = ({ unit, read }: Work): Work => ({
  unit,
  read: async (source, tally) => {
    await read(source, tally);
    if (tally.isClean)
      tally.find("hidden", "is whole, and was never renamed to the name that its program reads");
  },
});

const readValue = async (source: Source, tally: Tally): Promise<void> => {
  const silent = { scalar: () => {}, ended: () => {} };
  const { isWhole } = await readJson(source, tally, silent, new Set());
  if (isWhole) tally.count = 1;
};
