/**
 * The command `taskwal`: one file per verb, arguments and help here.
 *
 *     exit code   0 fine   1 difference found   2 usage   4 corruption
 */
import { CorruptError, StoreError } from "@taskwal/errors";
import { cac } from "cac";
import { runDemo } from "./demo.ts";
import { runImport } from "./import-command.ts";
import { openTerminal } from "./terminal.ts";
import { version } from "./version.ts";

const cli = cac("taskwal");
const terminal = openTerminal(process.stdout);

cli
  .command("demo", "kill, cut and damage a store before your eyes, beside today's way")
  .option("--seed <number>", "repeat a run (default: random, and printed)")
  .option("--dir <path>", "where to work; must not exist (default: a new temporary directory)")
  .option("--json", "one JSON object at the end, nothing else")
  .action((options: { seed?: number; dir?: string; json?: boolean }) => runDemo(options, terminal));

cli
  .command("import <legacy>", "bring a legacy state directory into a store, damaged or not")
  .option(
    "--into <dir>",
    "a new store elsewhere (default: in place; the originals stay, under legacy/)",
  )
  .option("--dry-run", "say what would be brought, and write nothing")
  .option("--json", "one JSON object, nothing else")
  .action((legacy: string, options: { into?: string; dryRun?: boolean; json?: boolean }) =>
    runImport(legacy, options, terminal),
  );

cli.help();
cli.version(version);

const usage = (message: string): number => {
  process.stderr.write(`taskwal: ${message}\nSee taskwal --help.\n`);
  return 2;
};

const main = async (): Promise<number> => {
  try {
    cli.parse(process.argv, { run: false });
    if (cli.options["help"] === true || cli.options["version"] === true) return 0;
    if (!cli.matchedCommand) {
      return usage(
        cli.args[0] === undefined ? "a verb is missing" : `there is no verb "${cli.args[0]}"`,
      );
    }
    return ((await cli.runMatchedCommand()) as number | undefined) ?? 0;
  } catch (error) {
    if (error instanceof Error && error.name === "CACError") return usage(error.message);
    if (!(error instanceof StoreError)) throw error;
    process.stderr.write(`taskwal: ${error.message}\n`);
    return error instanceof CorruptError ? 4 : 1;
  }
};

process.exitCode = await main();
