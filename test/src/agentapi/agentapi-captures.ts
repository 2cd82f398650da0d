/**
 * What real agentapi programs (v0.11.8, v0.12.0, v0.12.1) printed, sent and saved, in
 * test/fixtures/agentapi.
 *
 *     states/ leftover-tmp/ boot-overwrite/ load-failure/ lost-user-message/     state files
 *     sse/ http/ response-heads.json sse-chunks.json                             what went over the wire
 *     logs/ cli/                                                                 what was printed
 *
 * The rule: they are only read. `load-failure/<kind>/state-before.json` is made by hand; all else is theirs.
 */
import { readFileSync, readdirSync } from "node:fs";
import { join, resolve } from "node:path";

/** From the root of the repository, where tests are run. */
export const capturesPath = resolve("test/fixtures/agentapi");

export const capture = (name: string): Buffer => readFileSync(join(capturesPath, name));
export const captureText = (name: string): string => capture(name).toString();

/** Names of all captures that end so, sorted. */
export const capturesOf = (ending: string): readonly string[] =>
  readdirSync(capturesPath, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(ending))
    .sort();

interface ChunkTable {
  readonly captures: Readonly<Record<string, { readonly chunks: readonly (readonly number[])[] }>>;
}

/** The pieces in which a stream came. */
export const chunksOf = (name: string): readonly Buffer[] => {
  const { captures } = JSON.parse(captureText("sse-chunks.json")) as ChunkTable;
  const bytes = capture(name);
  return (captures[name]?.chunks ?? []).map(([, start = 0, length = 0]) =>
    bytes.subarray(start, start + length),
  );
};
