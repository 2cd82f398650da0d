/**
 * Installs the peers on the first run: `npm ci` in their folder, telling that it takes its time.
 *
 * The rule: from the lockfile, and only into that folder. A peer that cannot be built is left out by npm
 * (all are optional there) and named by the command.
 */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { peersFolder } from "./peers.ts";

const tellEveryMs = 15_000;

/** Where Node's headers lie beside the running binary, so that node-gyp need not fetch them. */
const headers = (): Record<string, string> => {
  const prefix = dirname(dirname(process.execPath));
  return existsSync(join(prefix, "include/node/node.h")) ? { npm_config_nodedir: prefix } : {};
};

export const peersInstalled = (): boolean =>
  existsSync(join(peersFolder, "node_modules/.package-lock.json"));

export const installPeers = async (say: (text: string) => void): Promise<void> => {
  say(`installing the peers in ${peersFolder}: one is compiled, which takes minutes`);
  const startMs = performance.now();
  const seconds = (): string => `${Math.round((performance.now() - startMs) / 1_000)} s`;
  const timer = setInterval(() => say(`still installing, ${seconds()}`), tellEveryMs);
  try {
    await new Promise<void>((resolve, reject) => {
      const npm = spawn("npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error"], {
        cwd: peersFolder,
        env: { ...process.env, ...headers() },
        // Standard output is for results.
        stdio: ["ignore", 2, 2],
      });
      npm.on("error", reject);
      npm.on("exit", (code, signal) =>
        code === 0 ? resolve() : reject(new Error(`npm ci ended with ${code ?? signal}`)),
      );
    });
  } finally {
    clearInterval(timer);
  }
  say(`the peers are installed, ${seconds()}`);
};
