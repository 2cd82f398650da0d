/**
 * What a start script tells agentapi by its environment, told by flags instead.
 *
 *     AGENTAPI_STATE_FILE  _LOAD_STATE  _SAVE_STATE  _PID_FILE       --state-file --load-state --save-state --pid-file
 *     AGENTAPI_ALLOWED_HOSTS  _CHAT_BASE_PATH  _TYPE  _PORT  …       --allowed-hosts --chat-base-path …
 *     AGENTAPI_INITIAL_PROMPT                                        none: the supervisor sends it itself
 *
 * The rule: agentapi hands its environment on to its agent, and an agent that starts an agentapi of its own would
 * have it write the same files. So nothing that begins with AGENTAPI_ is handed on, but to a script that needs it.
 * An empty variable is none.
 */

type Environment = Readonly<Record<string, string | undefined>>;

export interface AgentApiEnvironment {
  readonly stateFile: string | undefined;
  readonly pidFile: string | undefined;
  /** Undefined: as the state file says. */
  readonly loadsState: boolean | undefined;
  readonly savesState: boolean | undefined;
  readonly port: number | undefined;
  readonly agentType: string | undefined;
  readonly initialPrompt: string | undefined;
  /** It keeps no state then, and ends badly. */
  readonly isAcp: boolean;
  /** What else it was told, as flags. */
  readonly flags: readonly string[];
  /** All the rest, for agentapi and its agent. */
  readonly handedOn: Environment;
  /** For a script that starts agentapi itself: all but the prompt. */
  readonly forScript: Environment;
}

const prefix = "AGENTAPI_";
/** Its lists are divided by spaces in the environment, and by commas in a flag. */
const listNames = ["ALLOWED_HOSTS", "ALLOWED_ORIGINS"];
const wordNames = ["CHAT_BASE_PATH", "TERM_WIDTH", "TERM_HEIGHT"];

export const readAgentApiEnvironment = (env: Environment): AgentApiEnvironment => {
  const word = (name: string): string | undefined => env[`${prefix}${name}`] || undefined;
  const truth = (name: string): boolean | undefined => {
    const value = word(name);
    return value === undefined ? undefined : isTrue(value);
  };
  const port = Number(word("PORT"));
  return {
    stateFile: word("STATE_FILE"),
    pidFile: word("PID_FILE"),
    loadsState: truth("LOAD_STATE"),
    savesState: truth("SAVE_STATE"),
    port: Number.isInteger(port) && port > 0 && port < 65_536 ? port : undefined,
    agentType: word("TYPE"),
    initialPrompt: word("INITIAL_PROMPT"),
    isAcp: truth("EXPERIMENTAL_ACP") ?? false,
    flags: [
      ...listNames.flatMap((name) => flag(name, word(name)?.split(/ +/).join(","))),
      ...wordNames.flatMap((name) => flag(name, word(name))),
    ],
    handedOn: Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith(prefix))),
    forScript: { ...env, [`${prefix}INITIAL_PROMPT`]: undefined },
  };
};

const flag = (name: string, value: string | undefined): readonly string[] =>
  value === undefined ? [] : [`--${name.toLowerCase().replaceAll("_", "-")}`, value];

/** As agentapi reads it: any other word is false, without a complaint. */
const isTrue = (text: string): boolean => /^(1|t|T|TRUE|true|True)$/.test(text);
