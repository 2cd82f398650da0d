/**
 * Where the lines of an answer go: to a pager if a person sits there and they do not fit the screen, else straight out.
 *
 *     line ─> held back while they fit one screen ─┬ more: the pager gets them all ($TASKWAL_PAGER, $PAGER, less -FRX)
 *                                                  └ end: written out
 *
 * The rule: a pager that cannot be started or is left early is no error.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";

export interface LineSink {
  /** Resolves when more can be taken. False: nobody reads any more. */
  readonly line: (text: string) => Promise<boolean>;
  readonly end: () => Promise<void>;
}

/** Lines as they come, as fast as they are taken. */
export const straight = (out: NodeJS.WritableStream, beforeOutput = (): void => {}): LineSink => ({
  line: async (text) => {
    beforeOutput();
    // The terminal ends the process when its pipe is closed; what is told here is a pager's.
    if (!out.write(`${text}\n`)) await Promise.race([once(out, "drain"), once(out, "close")]);
    return out.writable;
  },
  end: () => Promise.resolve(),
});

export const paged = (
  out: NodeJS.WriteStream,
  environment: NodeJS.ProcessEnv,
  beforeOutput = (): void => {},
): LineSink => {
  const held: string[] = [];
  let pager: ChildProcess | undefined;
  let sink: LineSink | undefined;
  const flush = async (to: LineSink): Promise<boolean> => {
    let open = true;
    for (const line of held.splice(0)) open = open && (await to.line(line));
    return open;
  };
  return {
    line: async (text) => {
      if (sink) return sink.line(text);
      held.push(text);
      if (held.length < (out.rows ?? 24)) return true;
      beforeOutput();
      pager = await start(environment);
      sink = straight(pager?.stdin ?? out);
      return flush(sink);
    },
    end: async () => {
      if (!sink) await flush(straight(out, beforeOutput));
      if (pager?.stdin && pager.exitCode === null) {
        pager.stdin.end();
        if (pager.exitCode === null) await once(pager, "exit");
      }
    },
  };
};

/** A shell splits the command as its owner expects; where it cannot be run, `cat` takes the lines. Undefined: no shell. */
const start = async ({
  TASKWAL_PAGER,
  PAGER,
}: NodeJS.ProcessEnv): Promise<ChildProcess | undefined> => {
  const command = TASKWAL_PAGER ?? PAGER ?? "less -FRX";
  if (command === "") return undefined;
  const pager = spawn(`${command} || cat`, { shell: true, stdio: ["pipe", "inherit", "inherit"] });
  pager.stdin?.on("error", () => {});
  try {
    await once(pager, "spawn");
    return pager;
  } catch {
    return undefined;
  }
};
