/**
 * Which call is made to fail, and how: every call of a short life that changes the disk, makes it durable or
 * reads it, with every error that it can give.
 *
 *     fdatasync #7   SIGKILL before it │ EIO ENOSPC EDQUOT EROFS EINTR │ says 0 and does nothing
 *     pwrite64 #12   SIGKILL before it │ EIO … EFBIG │ says that some were written, and writes none
 *
 * The rule: nothing is chosen; a call of a name that is not in this table is an error.
 */
import type { SystemCall } from "./strace.ts";

export type Harm = "kill" | "error" | "lie";

export interface Point {
  readonly call: SystemCall;
  readonly harm: Harm;
  /** As strace takes it, and as people read it. */
  readonly inject: string;
}

const writing = ["EIO", "ENOSPC", "EDQUOT", "EROFS", "EFBIG", "EINTR"];
const syncing = ["EIO", "ENOSPC", "EDQUOT", "EROFS", "EINTR"];
const naming = ["EIO", "ENOSPC", "EDQUOT", "EROFS", "EACCES"];
const opening = ["EIO", "EMFILE", "EACCES"];
const creating = [...new Set([...opening, ...naming, "EINTR"])];
const reading = ["EIO", "EINTR"];

const errorsOf = ({ name, text }: SystemCall): readonly string[] => {
  if (name === "openat") return text.includes("O_CREAT") ? creating : opening;
  if (name === "pread64") return reading;
  if (name === "pwrite64" || name === "ftruncate") return writing;
  if (name === "fdatasync" || name === "fsync") return syncing;
  if (["rename", "link", "unlink", "mkdir"].includes(name)) return naming;
  throw new Error(`a call that is not known: ${name}(${text}`);
};

/** Nothing differs between dying before a read and dying before the next change. */
const changes = ({ name, text }: SystemCall): boolean =>
  name !== "pread64" && (name !== "openat" || text.includes("O_CREAT"));

const liesOf = ({ name }: SystemCall): readonly string[] => {
  if (name === "fdatasync" || name === "fsync") return ["retval=0"];
  return name === "pwrite64" ? ["retval=10"] : [];
};

export const pointsOf = (called: readonly SystemCall[]): Point[] =>
  called.flatMap((call) => {
    const at = (harm: Harm, how: string): Point => ({
      call,
      harm,
      inject: `${call.name}:${how}:when=${call.ordinal}`,
    });
    return [
      ...(changes(call) ? [at("kill", "signal=SIGKILL")] : []),
      ...errorsOf(call).map((error) => at("error", `error=${error}`)),
      ...liesOf(call).map((lie) => at("lie", lie)),
    ];
  });
