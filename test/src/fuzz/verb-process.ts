/**
 * The command `taskwal`, many times in one process: what it prints and how it ends, without a start each time.
 *
 *     words ─> argv ─ the module of the command, loaded anew ─> { status, stdout, stderr }
 *
 * The rule: it is the built command as it stands; what it throws past its own main, or an end of the process, is a crash.
 */
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { repository } from "../documents.ts";
import { startProcess } from "../world/store-process.ts";

export interface VerbAnswer {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
  /** Files and directories that it left open, where the system tells. */
  readonly leftOpen: readonly string[];
}

export type RunVerb = (words: readonly string[]) => Promise<VerbAnswer>;

const command = join(repository, "packages/taskwal/dist/cli.js");

/** Rejects if a verb ends the process. `tail -f`, which has no end, is interrupted once it is quiet, as by Ctrl-C. */
export const verbProcess = async (home: string): Promise<RunVerb> => {
  const env = { HOME: home, XDG_CACHE_HOME: "", STATE_PATH: "", FORCE_COLOR: "", NO_COLOR: "1" };
  const child = await startProcess({ env });
  const url = pathToFileURL(command).href;
  return (words) =>
    child.run(
      async ({ load, kept, fs }, { url, words }) => {
        const opened = (): string[] => {
          if (!fs.existsSync("/proc/self/fd")) return [];
          return fs.readdirSync("/proc/self/fd").flatMap((fd) => {
            try {
              const name = fs.readlinkSync(`/proc/self/fd/${fd}`);
              return /^\/(?!proc\/|dev\/)/.test(name) ? [`${fd} ${name}`] : [];
            } catch {
              // That of the listing itself.
              return [];
            }
          });
        };
        const before = new Set(opened());
        kept["runs"] = Number(kept["runs"] ?? 0) + 1;
        const told = { stdout: "", stderr: "" };
        let writes = 0;
        for (const name of ["stdout", "stderr"] as const) {
          process[name].write = (text: unknown, ...rest: unknown[]) => {
            told[name] += String(text);
            writes += 1;
            const done = rest.at(-1);
            if (typeof done === "function") (done as () => void)();
            return true;
          };
        }
        process.argv = [process.execPath, "taskwal", ...words];
        process.exitCode = undefined;
        try {
          const ended = load(`${url}?run=${String(kept["runs"])}`);
          let [seen, looks] = [0, 0];
          const look = (): void => {
            looks += 1;
            if (looks > 25 || (writes > 0 && writes === seen)) process.emit("SIGINT");
            seen = writes;
          };
          const timer = words.includes("-f") ? setInterval(look, 60) : undefined;
          await ended;
          clearInterval(timer);
        } catch (error) {
          told.stderr += `\nthrown: ${error instanceof Error ? (error.stack ?? "") : String(error)}`;
        }
        for (const stream of [process.stdout, process.stderr]) {
          // The method of its class is there again.
          Reflect.deleteProperty(stream, "write");
          stream.removeAllListeners("error");
        }
        const status = Number(process.exitCode);
        process.exitCode = undefined;
        return { status, ...told, leftOpen: opened().filter((one) => !before.has(one)) };
      },
      { url, words },
    );
};
