/** A log for people: how many lines, and whether there are NUL bytes where text was. An empty one is fine. */
import { NulRuns } from "./nul-runs.ts";
import type { Source } from "./source.ts";
import type { Tally } from "./tally.ts";

export const readText = async (source: Source, tally: Tally): Promise<void> => {
  const nul = new NulRuns();
  let last: number | undefined;
  for await (const { bytes, startBytes } of source.chunks()) {
    nul.add(bytes, startBytes);
    for (let at = bytes.indexOf(10); at >= 0; at = bytes.indexOf(10, at + 1)) tally.count += 1;
    last = bytes.at(-1);
  }
  if (last !== undefined && last !== 10) tally.count += 1;
  if (nul.first === undefined) return;
  const { startBytes } = nul.first;
  if (nul.nulBytes === source.sizeBytes) tally.count = 0;
  tally.find("zeroed", `has ${nul.nulBytes} NUL ${nul.nulBytes === 1 ? "byte" : "bytes"}`, {
    startBytes,
  });
};
