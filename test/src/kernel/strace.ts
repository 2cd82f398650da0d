/**
 * A process under strace: what it asked of the disk, or the same with one of its calls made to fail.
 *
 *     strace -P every path of the directory -e inject=rename:error=EIO:when=3 node …
 *
 * Only calls on those paths are looked at, so `when` counts nothing of Node's own. One pool thread, because
 * strace counts per thread. The rule: a call that was to fail and did not is an error of the harness.
 */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";

/** What changes the disk, makes durable, or reads. */
const calls = [
  "openat,pread64,preadv,pwrite64,pwritev,write,writev,fdatasync,fsync,ftruncate,truncate",
  "rename,renameat,renameat2,link,linkat,unlink,unlinkat,mkdir,mkdirat,rmdir,copy_file_range",
].join();

const runMsMax = 60_000;

export interface StraceRun {
  readonly words: readonly string[];
  readonly logPath: string;
  /** Only calls on these; without them all calls are shown. */
  readonly paths?: readonly string[];
  readonly inject?: string;
}

export interface StraceEnd {
  readonly signal: string | null;
  readonly code: number | null;
  readonly errors: string;
  readonly log: string;
}

export const runUnderStrace = ({ words, logPath, paths = [], inject }: StraceRun): StraceEnd => {
  const { NODE_OPTIONS: _, ...env } = process.env;
  const end = spawnSync(
    "strace",
    [
      // With a filter in the kernel it is faster, and strace 6.1 then does not deliver a signal.
      ...(inject?.includes("signal=") ? [] : ["--seccomp-bpf"]),
      "-fy",
      "-s16",
      `-o${logPath}`,
      `-etrace=${calls}`,
      ...paths.flatMap((path) => ["-P", path]),
      ...(inject === undefined ? [] : ["-e", `inject=${inject}`]),
      process.execPath,
      ...words,
    ],
    {
      env: { ...env, UV_THREADPOOL_SIZE: "1", UV_USE_IO_URING: "0" },
      stdio: ["ignore", "ignore", "pipe"],
      encoding: "utf8",
      timeout: runMsMax,
      killSignal: "SIGKILL",
    },
  );
  if (end.error) throw end.error;
  return {
    signal: end.signal,
    code: end.status,
    errors: end.stderr,
    log: readFileSync(logPath, "utf8"),
  };
};

/** A call on the directory. */
export interface SystemCall {
  readonly thread: string;
  readonly name: string;
  /** The how-manieth of this name, from 1. */
  readonly ordinal: number;
  readonly text: string;
}

/** Of a whole trace, the calls that name `dir` or a path in it, in order. */
export const callsOn = (dir: string, log: string): SystemCall[] => {
  const ordinals = new Map<string, number>();
  return log.split("\n").flatMap((line) => {
    const [, thread = "", name = "", text = ""] = /^(\d+)\s+(\w+)\((.*)$/.exec(line) ?? [];
    if (name === "" || !text.includes(dir)) return [];
    const ordinal = (ordinals.get(name) ?? 0) + 1;
    ordinals.set(name, ordinal);
    return [{ thread, name, ordinal, text }];
  });
};

/** Every path of the directory that is named by a call. */
export const pathsIn = (dir: string, called: readonly SystemCall[]): string[] => {
  const paths = called.flatMap(({ text }) => text.match(/(?<=["<])\/[^">]*(?=[">])/g) ?? []);
  return [...new Set(paths)].filter((path) => path.startsWith(dir)).toSorted();
};
