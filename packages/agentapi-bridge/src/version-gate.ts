/**
 * Whether an agentapi can save its state (0.12.0 and later), before a signal is sent that an older one,
 * or a stranger, would not understand.
 *
 *     gate "probe"     what the program says of itself: the flags in its help, the events in its
 *                      OpenAPI; the version only where nothing else is known
 *     gate "registry"  as the module of coder/registry decides: by the version alone, and what is no
 *                      version of three numbers is supported (`latest`, a pre-release, a missing program)
 *
 * The rule: a probe that finds out nothing says no, a gate of the registry says yes. Numbers are
 * compared as decimals of any length; the registry's shell takes 08 for octal and wraps at 2^64.
 */

export type Gate = "probe" | "registry";

/** What is known of a program; what could not be had is left out. */
export interface GateFacts {
  /** What `agentapi --version` printed. */
  readonly versionText?: string;
  /** What `agentapi server --help` printed. */
  readonly helpText?: string;
  /** What GET /openapi.json answered: for a server that is already there. */
  readonly openApiText?: string;
}

export interface GateDecision {
  readonly supported: boolean;
  /** The fact that decided. */
  readonly by: "help" | "openapi" | "version" | "nothing";
  /** For people: one clause. */
  readonly reason: string;
}

/** The version in what `agentapi --version` prints, "0.12.1"; undefined for anything else. */
export const parseVersionText = (versionText: string): string | undefined =>
  /^agentapi version v?((0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)([-+][0-9A-Za-z.+-]+)?)\n?$/.exec(
    versionText,
  )?.[1];

const firstWithState = "0.12.0";
const flagsOfState = ["--state-file", "--load-state", "--save-state", "--pid-file"];

export const decideGate = (gate: Gate, facts: GateFacts): GateDecision =>
  gate === "registry" ? decideAsRegistry(facts) : decideByProbe(facts);

const decideByProbe = ({ helpText, openApiText, versionText }: GateFacts): GateDecision => {
  if (helpText !== undefined) {
    const words = new Set(helpText.split(/[\s,]+/));
    const missing = flagsOfState.filter((flag) => !words.has(flag));
    return missing.length === 0
      ? { supported: true, by: "help", reason: "its help has the flags of state" }
      : { supported: false, by: "help", reason: `its help has no ${missing.join(", ")}` };
  }
  if (openApiText !== undefined) {
    const supported = openApiText.includes('"agent_error"');
    const reason = `its OpenAPI has ${supported ? "the" : "no"} event agent_error`;
    return { supported, by: "openapi", reason };
  }
  if (versionText === undefined) {
    return { supported: false, by: "nothing", reason: "nothing is known of it" };
  }
  const version = parseVersionText(versionText);
  if (version === undefined || /[-+]/.test(version)) {
    const reason = `its version is not one of three numbers: ${version ?? "unknown"}`;
    return { supported: false, by: "version", reason };
  }
  return byVersion(version);
};

const decideAsRegistry = ({ versionText }: GateFacts): GateDecision =>
  byVersion(lastWords(versionText ?? ""));

const byVersion = (version: string): GateDecision => {
  const supported = versionAtLeast(firstWithState, version);
  const shown = version === "" ? "unknown" : version;
  return { supported, by: "version", reason: `its version is ${shown}` };
};

/** The last word of each line, as `awk '{print $NF}'` in `$(…)` gives them. */
const lastWords = (text: string): string =>
  text
    .replace(/\n$/, "")
    .split("\n")
    .map(
      (line) =>
        line
          .trim()
          .split(/[ \t]+/)
          .at(-1) ?? "",
    )
    .join("\n")
    .replace(/\n+$/, "");

/**
 * The registry's `version_at_least`: one leading "v" is dropped from each; if either is not three
 * numbers the answer is yes.
 */
export const versionAtLeast = (minimum: string, actual: string): boolean => {
  const [wanted, found] = [numbersOf(minimum), numbersOf(actual)];
  if (!wanted || !found) return true;
  for (const [index, number] of found.entries()) {
    const least = wanted[index] ?? 0n;
    if (number !== least) return number > least;
  }
  return true;
};

const numbersOf = (version: string): readonly bigint[] | undefined =>
  /^v?([0-9]+)\.([0-9]+)\.([0-9]+)$/.exec(version)?.slice(1).map(BigInt);
