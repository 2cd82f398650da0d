/**
 * The verbs that read a directory: words, options and help here, an answer in a file each (reading/).
 *
 *     taskwal VERB [its own words] [dir] --at POINT --json --redact PATH …
 *
 * The rule: none writes in the directory; all take the same options; help and completion are made of this table.
 */
import type { CAC } from "cac";
import { runBisect } from "./reading/bisect.ts";
import { runBlame } from "./reading/blame.ts";
import { runBoots } from "./reading/boots.ts";
import { runCompletion } from "./reading/completion.ts";
import { runDiff } from "./reading/diff.ts";
import { runExport } from "./reading/export.ts";
import { runInfo } from "./reading/info.ts";
import { runLog } from "./reading/log.ts";
import { runLs } from "./reading/ls.ts";
import { ask, type Question } from "./reading/question.ts";
import {
  readingFlags,
  separateDirectory,
  wholeNumber,
  type Words,
} from "./reading/reading-words.ts";
import { runReplay } from "./reading/replay.ts";
import { runReport } from "./reading/report.ts";
import { runShow } from "./reading/show.ts";
import { runState } from "./reading/state.ts";
import { runTail } from "./reading/tail.ts";
import { runTrace } from "./reading/trace.ts";
import { runVerify } from "./reading/verify.ts";
import type { Terminal } from "./terminal.ts";

type Option = readonly [name: string, description: string];

interface Verb {
  readonly name: string;
  readonly does: string;
  /** Its own words before the directory: `<needed>` or `[optional]`. */
  readonly takes?: string;
  readonly options?: readonly Option[];
  readonly examples: readonly string[];
  /** It speaks of the files as they are, or of the whole log: there is no --at. */
  readonly isOfAll?: true;
  /** The option that names the model of the records, where --model is another one. */
  readonly recordedWith?: string;
  readonly answer: (
    question: Question,
    words: readonly string[],
    options: Words,
  ) => Promise<number>;
}

const verbs: readonly Verb[] = [
  {
    name: "info",
    does: "What lies in a directory, on one screen",
    examples: ["info", "info ./state --json"],
    answer: (question) => runInfo(question),
  },
  {
    name: "ls",
    does: "The files of the log and the snapshots, and whether each is whole",
    examples: ["ls"],
    isOfAll: true,
    answer: (question) => runLs(question),
  },
  {
    name: "boots",
    does: "The lives of the store: from when to when, and how each ended",
    examples: ["boots"],
    answer: (question) => runBoots(question),
  },
  {
    name: "log",
    does: "The records, one a line",
    examples: [
      `log --where 'actor == "scheduler" && data.status == "in_progress"'`,
      "log --type task.created --since=-5m --reverse",
    ],
    options: [
      ["--entity <entity>", "Only of this one: an id, its beginning, or a kind such as task"],
      ["--type <type>", "Only of this type, such as task.updated"],
      ["--actor <actor>", "Only by this one"],
      ["--where <condition>", `Only where it holds, such as 'data.status == "failed"'`],
      ["--since <point>", "Only what came after this point"],
      ["-n, --count <number>", "At most so many"],
      ["--reverse", "The newest first"],
    ],
    answer: (question, _, words) =>
      runLog(question, {
        entity: words.one("entity"),
        type: words.one("type"),
        actor: words.one("actor"),
        where: words.one("where"),
        since: words.one("since"),
        count: wholeNumber(words.one("count"), "-n"),
        reverse: words.flag("reverse"),
      }),
  },
  {
    name: "show",
    does: "One record: what it asked, what it changed, why, and where it lies",
    examples: ["show 13"],
    takes: "<point>",
    answer: (question, [point = ""]) => runShow(question, point),
  },
  {
    name: "state",
    does: "The state after a record: all of it, an entity, or a field",
    examples: ["state 6f.error --at 12", "state --at boot:1/end --json"],
    takes: "[path]",
    answer: (question, [path]) => runState(question, path),
  },
  {
    name: "report",
    does: "How many records, of what or by whom",
    examples: ["report --by actor"],
    options: [["--by <what>", "type, actor, entity or boot (default: type)"]],
    answer: (question, _, words) => runReport(question, words.one("by") ?? "type"),
  },
  {
    name: "diff",
    does: "What changed between two points, field by field; exit code 1 if anything did",
    examples: ["diff boot:2..boot:2/end", "diff --against ./state"],
    takes: "[from..to]",
    options: [
      ["--only <entity>", "Only this one: an id, its beginning, or a kind"],
      ["--against <dir>", "Compare with another directory, of which the second point is then one"],
    ],
    answer: (question, [range], words) =>
      runDiff(question, { range, only: words.one("only"), against: words.one("against") }),
  },
  {
    name: "blame",
    does: "Which record set each field of an entity to what it is, and by whom",
    examples: ["blame 6f"],
    takes: "<entity>",
    answer: (question, [entity = ""]) => runBlame(question, entity),
  },
  {
    name: "trace",
    does: "Everything that ever touched an entity",
    examples: ["trace 6f"],
    takes: "<id>",
    answer: (question, [id = ""]) => runTrace(question, id),
  },
  {
    name: "bisect",
    does: "Every record after which a condition on an entity began or ceased to hold",
    examples: [
      `bisect 6f --when 'status == "failed"'`,
      "bisect --expensive 'grep -q ECONNREFUSED && exit 1 || exit 0'",
    ],
    takes: "[entity]",
    options: [
      ["--when <condition>", `Of the entity, such as 'status == "failed" && logs.length > 3'`],
      [
        "--expensive <command>",
        "Ask a command instead, by halves: 0 no, 1-124 yes, 125 cannot tell",
      ],
      ["--from <point>", "Where to begin (default: the oldest state there is)"],
    ],
    answer: (question, [entity], words) =>
      runBisect(question, {
        entity,
        when: words.one("when"),
        expensive: words.one("expensive"),
        from: words.one("from"),
      }),
  },
  {
    name: "verify",
    does: "Every file that carries a check, line by line: what is damaged, and what it means",
    examples: ["verify"],
    isOfAll: true,
    answer: (question) => runVerify(question),
  },
  {
    name: "replay",
    does: "What another model (--model) makes of the same log; exit code 5 if it differs",
    examples: ["replay --model ./new-model.mjs"],
    options: [
      ["--base <file>", "The model that the records were written with (default: the tasks')"],
    ],
    recordedWith: "base",
    isOfAll: true,
    answer: (question, _, words) => runReplay(question, words.one("model")),
  },
  {
    name: "tail",
    does: "The last records, and with -f each new one as it becomes durable",
    examples: ["tail -n 3", "tail -f"],
    options: [
      ["-n, --count <number>", "So many of the last ones (default: 10)"],
      ["-f, --follow", "Go on with each new one, until Ctrl-C"],
    ],
    answer: (question, _, words) =>
      runTail(question, {
        count: wholeNumber(words.one("count"), "-n") ?? 10,
        follow: words.flag("follow"),
      }),
  },
  {
    name: "export",
    does: "The records, or what became of each entity, in a format that other tools read",
    examples: [
      "export --format perfetto --out run.json",
      "export --format csv --from boot:2 --redact task.error",
      "export --format mermaid --entity 6f",
    ],
    options: [
      ["--format <format>", "ndjson, csv, perfetto, otlp or mermaid (default: ndjson)"],
      ["--entity <entity>", "Only of this one: an id, its beginning, or a kind such as task"],
      ["--from <point>", "Only what came after this point (default: @0)"],
      ["--to <point>", "And up to this one (default: --at)"],
      ["--out <file>", "A new file, outside the directory (default: stdout)"],
    ],
    answer: (question, _, words) =>
      runExport(question, {
        format: words.one("format") ?? "ndjson",
        entity: words.one("entity"),
        from: words.one("from"),
        to: words.one("to"),
        out: words.one("out"),
      }),
  },
];

const atOption: Option = [
  "--at <point>",
  "As it was after this point: 12, a time, boot:2, -5m (default: @last)",
];

const common: readonly Option[] = [
  ["-C, --dir <dir>", "The state directory, or one segment or snapshot (default: $STATE_PATH)"],
  ["--model <file>", "A file that exports your model (default: the tasks')"],
  [
    "--redact <path>",
    "Leave a field out, such as task.description; repeatable (also: $TASKWAL_REDACT)",
  ],
  ["--json", "One JSON object, or one a line"],
  ["--no-pager", "Straight out, however long"],
  ["--no-cache", "Read the whole log anew, and keep nothing of it outside the directory"],
];

export const addReadingVerbs = (cli: CAC, terminal: Terminal): void => {
  for (const verb of verbs) {
    const { name, does, takes, options = [], isOfAll, examples } = verb;
    const command = cli.command([name, takes, "[dir]"].filter(Boolean).join(" "), does);
    const all = [...options, ...(isOfAll ? [] : [atOption]), ...common];
    for (const [flag, meaning] of all) command.option(flag, meaning);
    for (const example of examples) command.example(`$ taskwal ${example}`);
    command.action((...given: unknown[]) => answer(cli, verb, given, terminal));
  }
  cli
    .command("completion <shell>", "A script that completes verbs and options: bash, zsh or fish")
    .example("$ taskwal completion bash > taskwal.bash")
    .action((shell: string | number) => runCompletion(cli, String(shell), terminal));
};

const answer = async (
  cli: CAC,
  { takes, recordedWith = "model", answer }: Verb,
  given: readonly unknown[],
  terminal: Terminal,
): Promise<number> => {
  const words = given
    .slice(0, -1)
    .filter((word) => word !== undefined)
    .map(String);
  const flags = readingFlags(cli, given.at(-1) as Record<string, unknown>);
  const own = { most: takes === undefined ? 0 : 1, least: takes?.startsWith("<") ? 1 : 0 };
  const { dir, rest } = await separateDirectory(words, flags.one("dir"), own);
  return ask(
    {
      dir,
      at: flags.one("at"),
      json: flags.flag("json"),
      redact: flags.all("redact"),
      model: flags.one(recordedWith),
      // A pager is begun once a screen is full: what is followed has to be seen as it comes.
      pager: !flags.isOff("pager") && !flags.flag("follow"),
      cache: !flags.isOff("cache"),
    },
    terminal,
    (question) => answer(question, rest, flags),
  );
};
