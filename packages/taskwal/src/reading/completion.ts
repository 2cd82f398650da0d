/**
 * `taskwal completion SHELL`: a script that completes verbs and their options, made from the command's own table.
 *
 * The rule: nothing is listed by hand, and completing runs nothing: the words are in the script.
 */
import type { CAC, Command } from "cac";
import { exitCodes } from "../exit-codes.ts";
import type { Terminal } from "../terminal.ts";
import { UsageError } from "../usage-error.ts";

interface Verb {
  readonly name: string;
  readonly description: string;
  readonly options: readonly { readonly flag: string; readonly description: string }[];
}

const verbOf = ({ name, description, options }: Command): Verb => ({
  name,
  description,
  options: options.flatMap(({ rawName, description }) =>
    rawName
      .replace(/ .*/, rawName.includes(",") ? "$&" : "")
      .split(",")
      .map((flag) => ({ flag: flag.trim().replace(/\s.*/, ""), description })),
  ),
});

const quoted = (text: string): string => `'${text.replaceAll("'", String.raw`'\''`)}'`;

const bash = (
  verbs: readonly Verb[],
): string => `# taskwal completion bash > /etc/bash_completion.d/taskwal
_taskwal() {
  local word="\${COMP_WORDS[COMP_CWORD]}" words=""
  if [ "$COMP_CWORD" -eq 1 ]; then
    words="${verbs.map(({ name }) => name).join(" ")}"
  else
    case "\${COMP_WORDS[1]}" in
${verbs.map(({ name, options }) => `      ${name}) words="${options.map(({ flag }) => flag).join(" ")}" ;;`).join("\n")}
    esac
    case "$word" in -*) ;; *) COMPREPLY=($(compgen -d -- "$word")); return ;; esac
  fi
  COMPREPLY=($(compgen -W "$words" -- "$word"))
}
complete -F _taskwal taskwal
`;

const zsh = (verbs: readonly Verb[]): string => `#compdef taskwal
_taskwal() {
  if (( CURRENT == 2 )); then
    local -a verbs=(
${verbs.map(({ name, description }) => `      ${quoted(`${name}:${description}`)}`).join("\n")}
    )
    _describe verb verbs
    return
  fi
  local -a flags
  case "$words[2]" in
${verbs.map(({ name, options }) => `    ${name}) flags=(${options.map(({ flag, description }) => quoted(`${flag}:${description}`)).join(" ")}) ;;`).join("\n")}
  esac
  if [[ "$PREFIX" == -* ]]; then _describe option flags; else _files -/; fi
}
if [[ "\${funcstack[1]}" == _taskwal ]]; then _taskwal "$@"; else compdef _taskwal taskwal; fi
`;

const fish = (verbs: readonly Verb[]): string =>
  [
    ...verbs.map(
      ({ name, description }) =>
        `complete -c taskwal -n __fish_use_subcommand -a ${name} -d ${quoted(description)}`,
    ),
    ...verbs.flatMap(({ name, options }) =>
      options.map(({ flag, description }) => {
        const kind = flag.startsWith("--") ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`;
        return `complete -c taskwal -n '__fish_seen_subcommand_from ${name}' ${kind} -d ${quoted(description)}`;
      }),
    ),
    "",
  ].join("\n");

const shells: Readonly<Record<string, (verbs: readonly Verb[]) => string>> = { bash, zsh, fish };

/** Throws UsageError for a shell that there is no script for. */
export const runCompletion = (cli: CAC, shell: string, terminal: Terminal): number => {
  const script = Object.hasOwn(shells, shell) ? shells[shell] : undefined;
  if (!script) throw new UsageError(`completion is for ${Object.keys(shells).join(", ")}`);
  terminal.raw(script(cli.commands.map(verbOf)));
  return exitCodes.fine;
};
