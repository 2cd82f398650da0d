/**
 * The real agentapi, where there is one: named by AGENTAPI_BIN, kept from an earlier run, or installed by Go.
 *
 *     AGENTAPI_BIN ─ test/.cache/agentapi/<release>/agentapi ─ go install, once a run ─ why there is none
 *
 * The rule: what cannot be had is a reason in words, never a case that counts as passed.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { resolve } from "node:path";
import { parseVersionText } from "@taskwal/agentapi-bridge";

import type { Program, Release } from "./agentapi-process.ts";

export type RealProgram =
  | { readonly release: Release; readonly program: Program }
  | { readonly release: Release; readonly reason: string };

const cache = resolve("test/.cache/agentapi");
const goes = ["go", "/usr/local/go/bin/go"];
/** The first that builds the release. */
const goVersionMin = [1, 24, 11] as const;

export const realProgram = (release: Release): RealProgram => {
  const { AGENTAPI_BIN: named } = process.env;
  if (named) {
    const version = versionOf(named);
    return version === release
      ? { release, program: programOf(release, named) }
      : { release, reason: `AGENTAPI_BIN is ${version ?? "no agentapi"}` };
  }
  const file = resolve(cache, release, "agentapi");
  const reason = versionOf(file) === release ? undefined : install(release, resolve(file, ".."));
  if (reason !== undefined) return { release, reason };
  return versionOf(file) === release
    ? { release, program: programOf(release, file) }
    : { release, reason: `${file} does not say that it is ${release}` };
};

const programOf = (release: Release, file: string): Program => ({
  name: `the real ${release}`,
  release,
  command: [file],
});

const versionOf = (file: string): string | undefined => {
  if (!existsSync(file)) return undefined;
  const { stdout } = spawnSync(file, ["--version"], { encoding: "utf8", timeout: 5_000 });
  return parseVersionText(stdout ?? "");
};

/** Why an installation failed in this run: what kept one release from coming keeps the next. */
let failure: string | undefined;

/** Undefined if it was installed, else why not. */
const install = (release: Release, folder: string): string | undefined => {
  if (failure !== undefined) return failure;
  const go = goes.find((name) => isRecent(name));
  if (go === undefined) return `no Go of ${goVersionMin.join(".")} or later, and no AGENTAPI_BIN`;
  mkdirSync(folder, { recursive: true });
  const { status, stderr, error } = spawnSync(
    go,
    ["install", `github.com/coder/agentapi@v${release}`],
    {
      encoding: "utf8",
      timeout: 240_000,
      env: { ...process.env, GOBIN: folder, CGO_ENABLED: "0" },
    },
  );
  if (status === 0) return undefined;
  const [first = String(error)] = stderr.split("\n").filter((line) => line !== "");
  failure = `go install: ${first}`;
  return failure;
};

const isRecent = (go: string): boolean => {
  const { stdout, status } = spawnSync(go, ["env", "GOVERSION"], { encoding: "utf8" });
  if (status !== 0) return false;
  const found = /^go(\d+)\.(\d+)(?:\.(\d+))?/
    .exec(stdout)
    ?.slice(1)
    .map((part) => Number(part ?? 0));
  if (!found) return false;
  const at = goVersionMin.findIndex((part, index) => part !== (found[index] ?? 0));
  return at < 0 || (found[at] ?? 0) > (goVersionMin[at] ?? 0);
};
