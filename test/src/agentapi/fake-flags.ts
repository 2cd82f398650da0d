/**
 * The command line and the environment of `agentapi server`, as the real program reads them.
 *
 *     flag  before  AGENTAPI_<FLAG>  before  default           an empty variable is one that is not set
 *
 * The rule: same names, same precedence, same refusals; what a fake has no use for is read and ignored.
 */

interface Flag {
  readonly name: string;
  readonly short?: string;
  readonly isBoolean?: boolean;
  readonly isOfState?: boolean;
}

const flags: readonly Flag[] = [
  { name: "state-file", short: "s", isOfState: true },
  { name: "load-state", isBoolean: true, isOfState: true },
  { name: "save-state", isBoolean: true, isOfState: true },
  { name: "pid-file", isOfState: true },
  { name: "experimental-acp", isBoolean: true, isOfState: true },
  { name: "port", short: "p" },
  { name: "type", short: "t" },
  { name: "initial-prompt", short: "I" },
  { name: "allowed-hosts", short: "a" },
  { name: "allowed-origins", short: "o" },
  { name: "chat-base-path", short: "c" },
  { name: "term-width", short: "W" },
  { name: "term-height", short: "H" },
  { name: "print-openapi", short: "P", isBoolean: true },
  { name: "help", short: "h", isBoolean: true },
];

export interface ServerFlags {
  readonly agent: readonly string[];
  readonly port: number;
  readonly agentType: string;
  readonly initialPrompt: string;
  readonly allowedHosts: readonly string[];
  readonly chatBasePath: string;
  readonly termWidth: number;
  readonly stateFile: string;
  readonly loadState: boolean;
  readonly saveState: boolean;
  readonly pidFile: string;
  readonly acp: boolean;
  readonly help: boolean;
}

/** A refusal; `text` is what goes to the standard error. */
export class FlagError extends Error {}

interface GivenWords {
  readonly given: ReadonlyMap<string, string>;
  readonly agent: readonly string[];
}

const readWords = (words: readonly string[], known: readonly Flag[]): GivenWords => {
  const given = new Map<string, string>();
  const agent: string[] = [];
  for (let index = 0; index < words.length; index += 1) {
    const word = words[index] ?? "";
    if (word === "--") {
      agent.push(...words.slice(index + 1));
      break;
    }
    const [, dashes = "", name = "", value] = /^(--?)([^=]+)(?:=(.*))?$/s.exec(word) ?? [];
    if (dashes === "") {
      agent.push(word);
      continue;
    }
    const flag = known.find((each) => (dashes === "--" ? each.name : each.short) === name);
    if (!flag) {
      const kind = dashes === "--" ? `flag: --${name}` : `shorthand flag: '${name}' in -${name}`;
      throw new FlagError(`unknown ${kind}`);
    }
    if (value !== undefined) given.set(flag.name, value);
    else if (flag.isBoolean) given.set(flag.name, "true");
    else given.set(flag.name, words[(index += 1)] ?? "");
  }
  return { given, agent };
};

/** What is not one of these is false, without a word: AGENTAPI_SAVE_STATE=maybe turns saving off. */
const isTrue = (text: string): boolean => /^(1|t|T|TRUE|true|True)$/.test(text);

export const readServerFlags = (
  words: readonly string[],
  env: NodeJS.ProcessEnv,
  release: string,
): ServerFlags => {
  const known = flags.filter(({ isOfState }) => !isOfState || release !== "0.11.8");
  const { given, agent } = readWords(words, known);
  const valueOf = (name: string): string | undefined => {
    if (!known.some((flag) => flag.name === name)) return undefined;
    const variable = env[`AGENTAPI_${name.toUpperCase().replaceAll("-", "_")}`];
    return given.get(name) ?? (variable === "" ? undefined : variable);
  };
  const booleanOf = (name: string, fallback: boolean): boolean => {
    const value = valueOf(name);
    return value === undefined ? fallback : isTrue(value);
  };
  const stateFile = valueOf("state-file") ?? "";
  const hosts = given.get("allowed-hosts")?.split(",") ?? valueOf("allowed-hosts")?.split(" ");
  return {
    agent,
    port: Number(valueOf("port") ?? 3284),
    agentType: valueOf("type") ?? "custom",
    initialPrompt: valueOf("initial-prompt") ?? "",
    allowedHosts: (hosts ?? ["localhost", "127.0.0.1", "[::1]"]).map((host) =>
      host.replace(/^\[(.*)\]$/, "$1"),
    ),
    chatBasePath: valueOf("chat-base-path") ?? "/chat",
    termWidth: Number(valueOf("term-width") ?? 80),
    stateFile,
    loadState: booleanOf("load-state", stateFile !== ""),
    saveState: booleanOf("save-state", stateFile !== ""),
    pidFile: valueOf("pid-file") ?? "",
    acp: booleanOf("experimental-acp", false),
    help: booleanOf("help", false),
  };
};

/** The refusals that come before anything is written. */
export const checkServerFlags = (server: ServerFlags): void => {
  if (server.stateFile === "" && server.loadState) {
    throw new FlagError("--load-state requires --state-file to be set:");
  }
  if (server.stateFile === "" && server.saveState) {
    throw new FlagError("--save-state requires --state-file to be set:");
  }
  if (server.acp && (server.saveState || server.loadState)) {
    throw new FlagError("ACP mode doesn't support state persistence:");
  }
};
