/**
 * Kills a worker several times and counts: what was acknowledged, what is there afterwards.
 *
 * The rule: an acknowledgement counts only if it was received before the kill began; both ways get the
 * same seed, the same callers, the same payloads and the same moments.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

/** The way of writing that a worker takes. */
export type WriteWay = "taskwal" | "whole-file";

/** By task: the number of its last acknowledged log line, from 0. */
export type Acknowledged = Map<string, number>;

const workerPath = fileURLToPath(new URL("./demo-worker.js", import.meta.url));

export interface KillOptions {
  readonly way: WriteWay;
  readonly dir: string;
  readonly round: number;
  readonly seed: number;
  /** How long the worker lives after its store is open, in milliseconds. */
  readonly lifeMs: number;
  /** Milliseconds between snapshots of the worker's store. */
  readonly autosaveMs: number;
}

/** Starts a worker, kills it with SIGKILL in mid-write, and adds what it had acknowledged. */
export const killOnce = async (
  options: KillOptions,
  acknowledged: Acknowledged,
): Promise<number> => {
  const { way, dir, round, seed, lifeMs, autosaveMs } = options;
  const words = [way, dir, round, seed, autosaveMs].map(String);
  const worker = spawn(process.execPath, [workerPath, ...words], {
    stdio: ["ignore", "ignore", "pipe", "pipe"],
  });
  let count = 0;
  let rest = "";
  let killing = false;
  let errors = "";
  worker.stderr?.on("data", (text: Buffer) => (errors += text.toString("utf8")));
  const pipe = worker.stdio[3];
  if (!pipe) throw new Error("the worker has no descriptor 3");
  await new Promise<void>((resolve, reject) => {
    worker.once("exit", () =>
      killing ? undefined : reject(new Error(`the worker ended by itself: ${errors}`)),
    );
    pipe.on("data", (bytes: Buffer) => {
      if (killing) return;
      const lines = (rest + bytes.toString("utf8")).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) {
        const [id = "", number = "0"] = line.split(" ");
        if (id === "ready") setTimeout(resolve, lifeMs);
        else {
          acknowledged.set(id, Number(number));
          count += 1;
        }
      }
    });
  });
  killing = true;
  const exited = once(worker, "exit");
  worker.kill("SIGKILL");
  await exited;
  return count;
};
