/**
 * What a user would pick instead: loaded from a folder of its own, outside the workspace.
 *
 *     test/bench/peers/package.json     exact versions, a lockfile, and nobody's dependency
 *         └ node_modules                made by the first `pnpm bench`; `pnpm install` never sees it
 *
 * The rule: a peer that cannot be loaded is missing, and is named; nothing takes its place.
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";

export const peersFolder: string = resolve("test/bench/peers");

/** Without these a run has nothing to compare with. */
export const requiredPeers = ["better-sqlite3", "lmdb"] as const;

/** The peers and their exact versions, as the folder's package.json says. */
const peerVersions: Readonly<Record<string, string>> = (
  JSON.parse(readFileSync(join(peersFolder, "package.json"), "utf8")) as {
    optionalDependencies: Record<string, string>;
  }
).optionalDependencies;

export interface Peers {
  /** The module, undefined if it is missing; its contender knows what is in it. */
  load(name: string): unknown;
  /** Why, by name. */
  readonly missing: ReadonlyMap<string, string>;
  /** "better-sqlite3 12.0.0", of those that are there. */
  readonly present: readonly string[];
}

export const loadPeers = (): Peers => {
  const require = createRequire(join(peersFolder, "package.json"));
  const modules = new Map<string, unknown>();
  const missing = new Map<string, string>();
  for (const name of Object.keys(peerVersions)) {
    try {
      modules.set(name, require(name));
      tryOut(name, modules.get(name));
    } catch (error) {
      modules.delete(name);
      missing.set(name, (error as Error).message.split("\n")[0] ?? "");
    }
  }
  return {
    load: (name) => modules.get(name),
    missing,
    present: [...modules.keys()].map((name) => `${name} ${peerVersions[name]}`),
  };
};

/** Its addon is loaded only when the first database is made. */
const tryOut = (name: string, module: unknown): void => {
  if (name !== "better-sqlite3") return;
  const Database = module as new (path: string) => { close(): void };
  new Database(":memory:").close();
};
