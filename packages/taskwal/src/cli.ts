/**
 * The command `taskwal`: one file per verb, arguments and help here.
 *
 *     words ─ cac ─ a verb ─> its exit code            (exit-codes.ts)
 *       └ none, unknown, wrong ─> one sentence on stderr, 2
 */
import { CorruptError, StoreError, UnsupportedFormatError } from "@taskwal/errors";
import { PointError } from "@taskwal/replay";
import { cac } from "cac";
import { addAgentApiVerbs } from "./agentapi-verbs.ts";
import { runDemo } from "./demo.ts";
import { runDoctor } from "./doctor-command.ts";
import { exitCodes } from "./exit-codes.ts";
import { runImport } from "./import-command.ts";
import { addNewStoreVerbs } from "./new-store-verbs.ts";
import { joinPoints } from "./point-words.ts";
import { addReadingVerbs } from "./reading-verbs.ts";
import { addTendingVerbs } from "./tending-verbs.ts";
import { runMigrate } from "./migrate-command.ts";
import { runRollback } from "./rollback-command.ts";
import { openTerminal } from "./terminal.ts";
import { UsageError } from "./usage-error.ts";
import { version } from "./version.ts";

const cli = cac("taskwal");
const terminal = openTerminal(process.stdout);

// cac makes numbers of words that look like one; a directory may be called 2026.
const word = (value: string | number | undefined): string | undefined =>
  value === undefined ? undefined : String(value);

cli
  .command("demo", "Kill, cut and damage a store before your eyes, beside today's way")
  .option("--seed <number>", "Repeat a run (default: random, and printed)")
  .option("--dir <path>", "Where to work; must not exist (default: a new temporary directory)")
  .option("--json", "One JSON object at the end, nothing else")
  .example("$ taskwal demo --seed 7 --dir ./demo")
  .action(
    ({ seed, dir, json }: { seed?: string | number; dir?: string | number; json?: boolean }) =>
      runDemo({ seed: word(seed), dir: word(dir), json: json === true }, terminal),
  );

cli
  .command("import <legacy-dir>", "Bring a legacy state directory into a store, damaged or not")
  .option("--into <dir>", "A new store there (default: in place; the originals stay)")
  .option("--dry-run", "Say what would be brought, and write nothing")
  .option("--json", "One JSON object, nothing else")
  .example("$ taskwal import ./old-state --into ./new-state --dry-run")
  .action(
    (
      legacy: string | number,
      options: { into?: string | number; dryRun?: boolean; json?: boolean },
    ) =>
      runImport(
        {
          legacy: String(legacy),
          into: word(options.into),
          dryRun: options.dryRun === true,
          json: options.json === true,
        },
        terminal,
      ),
  );

addAgentApiVerbs(cli, terminal);
cli
  .command("doctor <dir>", "What is damaged or hidden in another program's directory; only reads")
  .option("--json", "A JSON object a line: findings, files, then what it comes to")
  .option("--no-pager", "Straight out, also on a terminal")
  .example("$ taskwal doctor ./old-state")
  .example("$ taskwal doctor ./old-state --json > findings.ndjson")
  .action((dir: string | number, { json, pager }: { json?: boolean; pager?: boolean }) =>
    runDoctor({ dir: String(dir), json: json === true, pager: pager !== false }, terminal),
  );

addTendingVerbs(cli, terminal);
addReadingVerbs(cli, terminal);
addNewStoreVerbs(cli, terminal);
cli
  .command("migrate <dir>", "What a newer model makes of a directory, over its whole log")
  .option("--dry-run", "Say what it would do, and write nothing (the default)")
  .option("--apply", "Do it, if nothing in the whole log fails")
  .option("--model <file>", "A file that exports your model (default: the tasks')")
  .option("--json", "One JSON object, nothing else")
  .example("$ taskwal migrate ./state --model ./new-model.mjs")
  .action(
    (
      dir: string | number,
      options: {
        dryRun?: boolean;
        apply?: boolean;
        model?: string | number;
        json?: boolean;
      },
    ) => {
      const { dryRun = false, apply = false, json = false } = options;
      if (dryRun && apply) throw new UsageError("--dry-run and --apply exclude each other");
      return runMigrate({ dir: String(dir), apply, model: word(options.model), json }, terminal);
    },
  );

cli
  .command("rollback <dir>", "The state before a migration, in a new directory")
  .option("--into <dir>", "Where to; missing or empty")
  .option("--apply", "Do it (default: list what it would hide, and write nothing)")
  .option("--json", "One JSON object, nothing else")
  .example("$ taskwal rollback ./migrated")
  .action(
    (
      dir: string | number,
      options: { into?: string | number; apply?: boolean; json?: boolean },
    ) => {
      const { into, apply = false, json = false } = options;
      return runRollback({ dir: String(dir), into: word(into), apply, json }, terminal);
    },
  );

cli.help((sections) => [
  // cac says of each --no-… that its default is true, which is that of the option without the "no-".
  ...sections.map(({ body, ...rest }) => ({
    ...rest,
    body: body.replaceAll(/(--no-.*) \(default: true\)/g, "$1"),
  })),
  {
    title: "Exit codes",
    body: [
      "  0  fine",
      "  1  a difference, nothing found, or something is not as it should be: see the output",
      "  2  called in a way it can do nothing with",
      "  3  the disk or another owner did not let it happen; nothing was changed",
      "  4  corruption",
      "  5  what is recorded and what is computed from it do not agree",
      "  10 to 14  agentapi: its state is not saved, its log not posted, killed, still running,",
      "     not started",
      "  130  interrupted",
    ].join("\n"),
  },
]);
cli.version(version);

const usage = (message: string): number => {
  process.stderr.write(`taskwal: ${message}\nSee taskwal --help.\n`);
  return exitCodes.usage;
};

const failed = (error: unknown): number => {
  if (error instanceof Error && error.name === "CACError") return usage(error.message);
  if (error instanceof UsageError || error instanceof PointError) return usage(error.message);
  if (!(error instanceof StoreError)) throw error;
  if (error instanceof UnsupportedFormatError) return usage(error.message);
  process.stderr.write(`taskwal: ${error.message}\n`);
  return error instanceof CorruptError ? exitCodes.corruption : exitCodes.refused;
};

const main = async (): Promise<number> => {
  try {
    cli.parse(joinPoints(process.argv), { run: false });
    if (cli.options["help"] === true || cli.options["version"] === true) return exitCodes.fine;
    const [verb] = cli.args;
    if (!cli.matchedCommand) {
      return usage(verb === undefined ? "a verb is missing" : `there is no verb "${verb}"`);
    }
    return (await cli.runMatchedCommand()) as number;
  } catch (error) {
    return failed(error);
  }
};

process.exitCode = await main();
