/**
 * A short life of a store with one system call made to fail, and what the next opening finds.
 *
 *     worker under strace ─ outcomes told ─ reopen without strace ─ complaints
 *
 * The rule: acknowledged is there, refused is not, a transaction is whole, no loss is reported, and the worker
 * met nothing but errors of the library. After a write that the system only claimed to have made, a loss must be
 * reported instead.
 */
import { mkdtempSync, readFileSync, rmSync, existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { complaints, idsOf, noOutcomes, type Outcomes } from "../world/fault-workload.ts";
import { openNotes } from "../world/note-model.ts";
import { callsOn, pathsIn, runUnderStrace, type StraceEnd } from "./strace.ts";
import { pointsOf, type Point } from "./syscall-points.ts";

export const syscallWorkerPath = resolve("test/src/kernel/syscall-worker.mjs");

interface ToldLine {
  readonly outcome?: "acknowledged" | "written" | "not-written" | "unknown";
  readonly id?: string;
  readonly opened?: { readonly lost: number; readonly damaged: number };
  readonly refused?: string;
  readonly strange?: string;
  readonly end?: true;
}

export class SyscallLife {
  readonly points: readonly Point[];
  readonly callCount: number;
  readonly #root = mkdtempSync(join(tmpdir(), "taskwal-syscalls-"));
  readonly #dir = join(this.#root, "state");
  readonly #tellPath = join(this.#root, "told");
  readonly #paths: readonly string[];
  readonly #ids: readonly string[];

  /** Lives once unharmed, to learn the calls. */
  constructor() {
    const end = this.#run();
    const called = callsOn(this.#dir, end.log);
    const threads = new Set(called.map(({ thread }) => thread));
    if (threads.size !== 1)
      throw new Error(`calls on ${threads.size} threads: they cannot be counted`);
    const told = this.#told();
    const ids = told.flatMap(({ outcome, id }) => (outcome && id ? [id] : []));
    if (end.code !== 0 || !told.at(-1)?.end || ids.length < 10)
      throw new Error(`the unharmed life failed: ${end.errors}`);
    this.#ids = ids;
    this.#paths = pathsIn(this.#dir, called);
    this.points = pointsOf(called);
    this.callCount = called.length;
  }

  dispose(): void {
    rmSync(this.#root, { recursive: true, force: true });
  }

  /** Throws what is wrong; returns what was met, by name. */
  async suffer(point: Point): Promise<Record<string, number>> {
    const end = this.#run(point);
    try {
      return await this.#judge(point, end);
    } catch (error) {
      const told = existsSync(this.#tellPath) ? readFileSync(this.#tellPath, "utf8") : "nothing";
      const { inject, call } = point;
      throw new Error(`${inject}: ${call.name}(${call.text}\ntold:\n${told}`, { cause: error });
    }
  }

  async #judge(point: Point, end: StraceEnd): Promise<Record<string, number>> {
    const { harm } = point;
    const told = this.#told();
    const wasHit = harm === "kill" ? end.signal === "SIGKILL" : end.log.includes("(INJECTED");
    if (!wasHit) throw new Error(`strace did not do it: ${end.signal ?? end.code} ${end.errors}`);
    const strange = told.flatMap((line) => line.strange ?? []);
    if (strange.length > 0) throw new Error(strange.join("\n"));
    if (harm !== "kill" && !(end.code === 0 && told.at(-1)?.end))
      throw new Error(`the worker broke: ${end.signal ?? end.code} ${end.errors}`);
    const reportedByWorker = told.reduce((sum, { opened }) => sum + lossOf(opened), 0);
    const store = await openNotes(undefined, { dir: this.#dir });
    const { lost, damaged } = store.recovery;
    const reported = reportedByWorker + lost.length + damaged.length;
    const text = store.recovery.toText();
    const wrong = complaints(this.#outcomes(told), idsOf(store));
    await store.close();
    // A disk that lies about a write is not survived, but it must not go unnoticed.
    const isTold = harm === "lie" && reported > 0;
    if ((reported > 0 || wrong.length > 0) && !isTold)
      throw new Error(`${wrong.join(", ")}; reported: ${reported}\n${text}`);
    return {
      [harm]: 1,
      ...(isTold ? { "lies that were noticed": 1 } : {}),
      ...(told.some(({ refused }) => refused !== undefined) ? { "refused by name": 1 } : {}),
    };
  }

  #outcomes(told: readonly ToldLine[]): Outcomes {
    const outcomes = noOutcomes();
    const { acknowledged, written, unknown, refused } = outcomes;
    const sets = { acknowledged, written, unknown, "not-written": refused };
    for (const { outcome, id } of told) if (outcome && id !== undefined) sets[outcome].add(id);
    // What was asked for and never answered.
    const answered = new Set(told.map(({ id }) => id));
    for (const id of this.#ids) if (!answered.has(id)) unknown.add(id);
    return outcomes;
  }

  #run(point?: Point): StraceEnd {
    for (const path of [this.#dir, this.#tellPath]) rmSync(path, { recursive: true, force: true });
    return runUnderStrace({
      words: [syscallWorkerPath, this.#dir, this.#tellPath],
      logPath: join(this.#root, "log"),
      ...(point ? { paths: this.#paths, inject: point.inject } : {}),
    });
  }

  #told(): ToldLine[] {
    if (!existsSync(this.#tellPath)) return [];
    const lines = readFileSync(this.#tellPath, "utf8").split("\n");
    return lines.filter((line) => line !== "").map((line) => JSON.parse(line) as ToldLine);
  }
}

const lossOf = (opened: ToldLine["opened"]): number =>
  opened === undefined ? 0 : opened.lost + opened.damaged;
