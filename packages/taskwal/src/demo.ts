/**
 * `taskwal demo`: the main job on real input, with every number measured in this run.
 *
 *     import ─ kill, kill, kill … ─ reopen, count ─ the same kills on whole files ─ flip, cut ─ look
 *
 * The rule: it works in a directory of its own, which it keeps and names; it removes nothing.
 */
import { randomInt } from "node:crypto";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { openTaskStore, type ImportReport } from "@taskwal/tasks";
import {
  countStore,
  countWholeFiles,
  jqFilter,
  loadedByWholeFiles,
  type Counted,
} from "./demo-count.ts";
import { cutATail, flipABit, type DamageStory } from "./demo-damage.ts";
import { lookAt } from "./demo-look.ts";
import { killOnce, type Acknowledged, type WriteWay } from "./demo-kills.ts";
import { exitCodes } from "./exit-codes.ts";
import type { Terminal } from "./terminal.ts";
import { UsageError } from "./usage-error.ts";

export interface DemoOptions {
  /** A whole number, as it was typed. */
  readonly seed: string | undefined;
  readonly dir: string | undefined;
  readonly json: boolean;
}

const rounds = 5;
const example = fileURLToPath(new URL("../example", import.meta.url));

const silent: Terminal = {
  say: () => {},
  heading: () => {},
  raw: () => {},
  outliveReader: () => {},
  progress: () => {},
  good: (text) => text,
  bad: (text) => text,
  dim: (text) => text,
};

/**
 * Exit code 0 if nothing acknowledged was missing and all damage was told, else 1. Throws UsageError if
 * the directory is taken or the seed is no number.
 */
export const runDemo = async (options: DemoOptions, terminal: Terminal): Promise<number> => {
  const startMs = performance.now();
  const seed = seedOf(options.seed);
  if (options.dir !== undefined && existsSync(options.dir)) {
    throw new UsageError(`${options.dir} exists; the demo works in a directory of its own`);
  }
  const root = options.dir ?? mkdtempSync(join(tmpdir(), "taskwal-demo-"));
  mkdirSync(root, { recursive: true });
  const demo = new Demo(root, seed, options.json ? silent : terminal);
  const result = await demo.run();
  const seconds = Math.round((performance.now() - startMs) / 100) / 10;
  if (options.json) terminal.raw(`${JSON.stringify({ seed, dir: root, seconds, ...result })}\n`);
  else demo.end(seconds);
  const fine = result.taskwal.missing === 0 && result.flip.isTold && result.cut.isTold;
  return fine ? exitCodes.fine : exitCodes.difference;
};

const seedOf = (text: string | undefined): number => {
  if (text === undefined) return randomInt(1_000_000);
  const seed = Number(text);
  if (Number.isSafeInteger(seed) && seed >= 0) return seed;
  throw new UsageError(`the seed ${text} is not a whole number`);
};

interface DemoResult {
  readonly imported: Pick<ImportReport, "tasks" | "logEntries"> & {
    readonly problems: number;
    /** Tasks that today's whole-file way loads from the same directory. */
    readonly byWholeFiles: number;
  };
  readonly taskwal: Counted;
  readonly wholeFile: Counted;
  readonly flip: DamageStory;
  readonly cut: DamageStory;
}

class Demo {
  readonly #root: string;
  readonly #seed: number;
  readonly #terminal: Terminal;

  constructor(root: string, seed: number, terminal: Terminal) {
    this.#root = root;
    this.#seed = seed;
    this.#terminal = terminal;
  }

  async run(): Promise<DemoResult> {
    const { say, dim } = this.#terminal;
    say(`taskwal demo, seed ${this.#seed}, in ${this.#root}`);
    say(dim("Every number below was measured in this run."));
    const imported = await this.#import();
    this.#prepareWholeFiles();
    const acknowledged = await this.#kill("taskwal", "2  Killed in mid-write");
    const crashed = join(this.#root, "crashed");
    cpSync(this.#store, crashed, { recursive: true });
    const taskwal = await this.#reopen(acknowledged);
    const wholeFile = await this.#comparison(taskwal);
    const { flip, cut } = await this.#damage(crashed, acknowledged);
    return { imported, taskwal, wholeFile, flip, cut };
  }

  get #store(): string {
    return join(this.#root, "store");
  }

  get #wholeFiles(): string {
    return join(this.#root, "whole-file");
  }

  async #import(): Promise<DemoResult["imported"]> {
    const { heading, say, good, dim } = this.#terminal;
    heading("1  Import a state directory as a SIGKILL left it");
    cpSync(example, this.#store, { recursive: true });
    let report: ImportReport | undefined;
    const store = await openTaskStore({
      dir: this.#store,
      onImported: (found) => (report = found),
    });
    const tasks = store.list().length;
    await store.close();
    const { logEntries = 0, problems = [] } = report ?? {};
    const byWholeFiles = loadedByWholeFiles(example);
    say(
      `   ${good(`${tasks} tasks`)} and ${logEntries} log entries brought, from all copies of each.`,
    );
    say(`   Today's way reads the task files alone: ${byWholeFiles} of them parse.`);
    say(`   ${problems.length} files did not read as a whole, and each is named:`);
    const ofTasks = problems.filter(({ file }) => file.startsWith("tasks/"));
    for (const { file, reason, recovered } of ofTasks) {
      say(`     ${file}`);
      say(dim(`       ${reason}; recovered: ${recovered}`));
    }
    say(`     … and ${problems.length - ofTasks.length} snapshots: see store/legacy/import.json`);
    return { tasks, logEntries, problems: problems.length, byWholeFiles };
  }

  /** The same tasks, in the layout and by the code of the whole-file way. */
  #prepareWholeFiles(): void {
    const tasksDir = join(this.#wholeFiles, "tasks");
    mkdirSync(tasksDir, { recursive: true });
    const state = JSON.parse(readFileSync(join(this.#store, "state.json"), "utf8")) as {
      tasks: readonly { readonly id: string }[];
    };
    for (const task of state.tasks) {
      writeFileSync(join(tasksDir, `${task.id}.json`), JSON.stringify(task, null, 2));
    }
    writeFileSync(
      join(this.#wholeFiles, "state.json"),
      JSON.stringify({ tasks: state.tasks }, null, 2),
    );
  }

  async #kill(way: WriteWay, title?: string): Promise<Acknowledged> {
    const { heading, say, progress } = this.#terminal;
    const dir = way === "taskwal" ? this.#store : this.#wholeFiles;
    if (title !== undefined) heading(title);
    const acknowledged: Acknowledged = new Map();
    for (let round = 1; round <= rounds; round++) {
      // The last life takes no snapshot, so that the damage below falls on the log.
      const autosaveMs = round === rounds ? Number.POSITIVE_INFINITY : 100;
      const lifeMs = 120 + ((this.#seed * 7 + round * 61) % 230);
      progress(`   ${way}: life ${round} of ${rounds}, killed after ${lifeMs} ms …`);
      const count = await killOnce(
        { way, dir, round, seed: this.#seed, lifeMs, autosaveMs },
        acknowledged,
      );
      if (title !== undefined) {
        say(
          `   life ${round}: ${String(count).padStart(6)} log lines acknowledged, SIGKILL after ${lifeMs} ms`,
        );
      }
    }
    return acknowledged;
  }

  async #reopen(acknowledged: Acknowledged): Promise<Counted> {
    const { heading, say, good, bad, dim } = this.#terminal;
    heading("3  Opened again");
    const store = await openTaskStore({ dir: this.#store });
    for (const line of store.recovery.toText().split("\n")) say(`   ${line}`);
    await store.close();
    const counted = countStore(this.#store, acknowledged);
    const how = counted.by === "jq" ? "with" : "by our own reader, as there is no jq, like";
    say(`\n   Counted from the files, ${how}:`);
    say(dim(`     jq -r '${jqFilter.join("\n            ")}' \\`));
    say(dim(`       ${join(this.#store, "state.json")}`));
    const missing = `${counted.missing} missing`;
    const verdict = counted.missing === 0 ? good(missing) : bad(missing);
    say(
      `   ${counted.acknowledged} log lines acknowledged, ${counted.recovered} there: ${verdict}`,
    );
    return counted;
  }

  async #comparison(taskwal: Counted): Promise<Counted> {
    const { heading, say, good, bad } = this.#terminal;
    heading("4  The same kills, the same seed, on today's whole-file way");
    say("   (fs.writeFile of the task's file, and of state.json, for each mutation)");
    const counted = countWholeFiles(this.#wholeFiles, await this.#kill("whole-file"));
    say("                      acknowledged     missing   unreadable files");
    for (const [name, count] of [
      ["taskwal", taskwal],
      ["whole files", counted],
    ] as const) {
      const { acknowledged, missing, unreadable } = count;
      const cells = `${pad(acknowledged, 15)}${pad(missing, 12)}${pad(unreadable, 19)}`;
      const style = missing + unreadable > 0 ? bad : good;
      say(style(`   ${name.padEnd(16)}${cells}`));
    }
    return counted;
  }

  async #damage(
    crashed: string,
    acknowledged: Acknowledged,
  ): Promise<Pick<DemoResult, "flip" | "cut">> {
    const { heading } = this.#terminal;
    heading("5  Damage, on copies of the store as the last kill left it");
    const flip = await flipABit(crashed, join(this.#root, "flipped"), acknowledged);
    this.#story(flip);
    const cut = await cutATail(crashed, join(this.#root, "cut"), acknowledged);
    this.#story(cut);
    return { flip, cut };
  }

  #story({ done, told, tasks, missing }: DamageStory): void {
    const { say, good, bad } = this.#terminal;
    say(`   ${bad(done)}`);
    for (const line of told.split("\n").slice(1)) say(`   ${line}`);
    const gone = missing === 0 ? "none" : String(missing);
    say(good(`     ${tasks} tasks opened; acknowledged log lines that are gone: ${gone}`));
    say();
  }

  end(seconds: number): void {
    const { heading, say, dim } = this.#terminal;
    heading("6  Look at it");
    say(`   ${this.#store}`);
    for (const line of lookAt(this.#store)) say(`     ${line}`);
    say("\n   Type next:");
    say(dim(`     cd ${this.#store}`));
    say(dim("     tail -qn 2 wal/*.jsonl | cut -c 1-120     # the log, to the eye"));
    say(dim("     jq .metrics state.json                    # the state"));
    say(dim("     cat ../flipped/recovery/*.json            # how the damage was told"));
    say(dim("     taskwal import <your state directory> --dry-run"));
    say(`\n   ${seconds} s. All of it is kept in ${this.#root}`);
  }
}

const pad = (count: number, width: number): string => String(count).padStart(width);
