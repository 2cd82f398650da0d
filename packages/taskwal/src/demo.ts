/**
 * `taskwal demo`: the main job on real input, with every number measured in this run.
 *
 *     import ─ kill, kill, kill … ─ reopen, count ─ the same kills on whole files ─ flip, cut ─ look
 *
 * The rule: it works in a directory of its own, which it keeps and names; it removes nothing.
 */
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { openTaskStore, type ImportReport } from "@taskwal/tasks";
import { countStore, countWholeFiles, jqFilter, type Counted } from "./demo-count.ts";
import { cutATail, flipABit, type DamageStory } from "./demo-damage.ts";
import { killOnce, type Acknowledged, type WriteWay } from "./demo-kills.ts";
import type { Terminal } from "./terminal.ts";

export interface DemoOptions {
  readonly seed?: number;
  readonly dir?: string;
  readonly json?: boolean;
}

const rounds = 6;
const example = fileURLToPath(new URL("../example", import.meta.url));

const silent: Terminal = {
  say: () => {},
  heading: () => {},
  progress: () => {},
  good: (text) => text,
  bad: (text) => text,
  dim: (text) => text,
};

/** Exit code 0 if nothing acknowledged was missing and all damage was told, else 1; 2 if the directory is taken. */
export const runDemo = async (options: DemoOptions, terminal: Terminal): Promise<number> => {
  const startMs = performance.now();
  if (options.dir !== undefined && existsSync(options.dir)) {
    process.stderr.write(
      `taskwal: ${options.dir} exists; the demo works in a directory of its own\n`,
    );
    return 2;
  }
  const root = options.dir ?? mkdtempSync(join(tmpdir(), "taskwal-demo-"));
  mkdirSync(root, { recursive: true });
  const seed = Number(options.seed ?? process.hrtime.bigint() % 1_000_000n);
  const demo = new Demo(root, seed, options.json ? silent : terminal);
  const result = await demo.run();
  const seconds = Math.round((performance.now() - startMs) / 100) / 10;
  if (options.json)
    process.stdout.write(`${JSON.stringify({ seed, dir: root, seconds, ...result })}\n`);
  else demo.end(seconds);
  const fine = result.taskwal.missing === 0 && result.flip.isTold && result.cut.isTold;
  return fine ? 0 : 1;
};

interface DemoResult {
  readonly imported: Pick<ImportReport, "tasks" | "logEntries"> & { readonly problems: number };
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
    const { flip, cut } = await this.#damage(crashed);
    return { imported, taskwal, wholeFile, flip, cut };
  }

  get #store(): string {
    return join(this.#root, "store");
  }

  get #wholeFiles(): string {
    return join(this.#root, "whole-file");
  }

  async #import(): Promise<DemoResult["imported"]> {
    const { heading, say, good } = this.#terminal;
    heading("1  Import a directory that a SIGKILL left half destroyed");
    cpSync(example, this.#store, { recursive: true });
    let report: ImportReport | undefined;
    const store = await openTaskStore({
      dir: this.#store,
      onImported: (found) => (report = found),
    });
    const tasks = store.list().length;
    await store.close();
    const { logEntries = 0, problems = [] } = report ?? {};
    say(
      `   ${good(`${tasks} tasks`)} and ${logEntries} log entries brought; ${problems.length} files did not`,
    );
    say("   read as a whole, for example:");
    for (const { file, reason, recovered } of problems.slice(0, 3)) {
      say(`     ${file}`);
      say(`       ${reason} -> ${recovered}`);
    }
    say("   (the program that wrote it loads 15 of these tasks)");
    return { tasks, logEntries, problems: problems.length };
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
    say(`\n   counted from the files by ${counted.by}:`);
    say(dim(`     jq -r '${jqFilter}' \\\n       ${join(this.#store, "state.json")}`));
    const missing = `${counted.missing} missing`;
    say(
      `   ${counted.acknowledged} acknowledged, ${counted.missing === 0 ? good(missing) : bad(missing)}`,
    );
    return counted;
  }

  async #comparison({ acknowledged, missing }: Counted): Promise<Counted> {
    const { heading, say, good, bad } = this.#terminal;
    heading("4  The same kills, the same seed, on today's whole-file way");
    const counted = countWholeFiles(this.#wholeFiles, await this.#kill("whole-file"));
    say("                      acknowledged     missing   unreadable files");
    const row = (name: string, total: number, gone: number, files: number): string => {
      const cells = [
        String(total).padStart(12),
        String(gone).padStart(12),
        String(files).padStart(19),
      ];
      return `   ${name.padEnd(19)}${cells.join("")}`;
    };
    say(good(row("taskwal", acknowledged, missing, 0)));
    const line = row("whole files", counted.acknowledged, counted.missing, counted.unreadable);
    say(counted.missing + counted.unreadable > 0 ? bad(line) : line);
    return counted;
  }

  async #damage(crashed: string): Promise<Pick<DemoResult, "flip" | "cut">> {
    const { heading } = this.#terminal;
    heading("5  Damage, on copies of the store as the last kill left it");
    const flip = await flipABit(crashed, join(this.#root, "flipped"));
    this.#story(flip);
    const cut = await cutATail(crashed, join(this.#root, "cut"));
    this.#story(cut);
    return { flip, cut };
  }

  #story({ done, told, tasks }: DamageStory): void {
    const { say, bad } = this.#terminal;
    say(`   ${bad(done)}`);
    for (const line of told.split("\n").slice(1)) say(`   ${line}`);
    say(`     everything else was read: ${tasks} tasks\n`);
  }

  end(seconds: number): void {
    const { heading, say, dim } = this.#terminal;
    heading("6  Look at it");
    say("   wal/                  the log, a line a record");
    say("   state.json            the newest snapshot; state.backup.*.json before it");
    say("   tasks/                a file a task, for you and other tools");
    say("   legacy/               the originals that were imported");
    say("   recovery/             what openings found");
    say(dim(`     cd ${this.#store}`));
    say(dim("     tail -n 3 wal/*.jsonl | cut -c 1-200"));
    say(dim("     jq -c '.metrics' state.json; ls recovery quarantine ../flipped/recovery"));
    say(`\n   ${seconds} s. All of it is kept in ${this.#root}.`);
  }
}
