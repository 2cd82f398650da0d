/**
 * What tells this process from all others, and whether another one still runs.
 *
 *     same boot, same pid namespace   ─> ask the kernel: kill(pid, 0), and the start time must agree
 *     same host, another boot         ─> dead
 *     anything else                   ─> unknown (the pid means nothing from here)
 *
 * Where the system tells no boot id, namespace or start time they are "", and what is "" decides
 * nothing. A host name alone is weak (it changes, and clones share it), so equal boot ids weigh more.
 *
 * The rule: "dead" is said only when it is certain; a doubt is "alive" or "unknown".
 */

import { hostname } from "node:os";

import { errnoOf } from "@taskwal/errors";

import type { ProcessIdentity, RunningProcess } from "./index.ts";

/** The reads of /proc that are needed; undefined where the file does not exist or may not be read. */
export interface ProcFiles {
  readText(path: string): string | undefined;
  readLink(path: string): string | undefined;
  /** Names in a folder, [] where it does not exist or may not be read. */
  list(folder: string): readonly string[];
}

/** State, parent, and start time (ticks since boot, field 22) of a line of /proc/<pid>/stat. */
export const parseProcStat = (
  line: string,
): { state: string; parentPid: number; startTime: string } | undefined => {
  // The command name, field 2, is in parentheses and may hold spaces and parentheses itself.
  const nameEnd = line.lastIndexOf(")");
  if (nameEnd < 0) return undefined;
  const fields = line
    .slice(nameEnd + 1)
    .trim()
    .split(/\s+/);
  const [state, parent] = fields;
  const startTime = fields[22 - 3];
  return state === undefined || startTime === undefined
    ? undefined
    : { state, parentPid: Number(parent), startTime };
};

const procStat = (files: ProcFiles, pid: number | "self") =>
  parseProcStat(files.readText(`/proc/${pid}/stat`) ?? "");

/** The identity of this process. */
export const identifyThisProcess = (files: ProcFiles): ProcessIdentity => ({
  pid: process.pid,
  startTime: procStat(files, "self")?.startTime ?? "",
  bootId: files.readText("/proc/sys/kernel/random/boot_id")?.trim() ?? "",
  pidNamespace: files.readLink("/proc/self/ns/pid") ?? "",
  host: hostname(),
});

/** Whether the kernel knows the pid. EPERM is the answer for a process of somebody else. */
const pidExists = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errnoOf(error) !== "ESRCH";
  }
};

/** Whether /proc counts pids as we do: a pid namespace may see the /proc of the one around it. */
const procIsOurs = (files: ProcFiles): boolean =>
  files.readLink("/proc/self") === String(process.pid);

const judgeByPid = (files: ProcFiles, other: ProcessIdentity): "alive" | "dead" => {
  // kill(0) and kill(-n) would address groups.
  if (!Number.isSafeInteger(other.pid) || other.pid <= 0 || !pidExists(other.pid)) return "dead";
  const stat = procIsOurs(files) ? procStat(files, other.pid) : undefined;
  // Without /proc (or with hidepid) the pid is all there is, and it exists.
  if (!stat) return "alive";
  // A killed process that its parent has not collected keeps its pid, but runs no more.
  if (stat.state === "Z" || stat.state === "X") return "dead";
  return other.startTime === "" || other.startTime === stat.startTime ? "alive" : "dead";
};

/** Whether the process that `other` names still runs, as seen from the process `self`. */
export const judgeLiveness = (
  files: ProcFiles,
  self: ProcessIdentity,
  other: ProcessIdentity,
): "alive" | "dead" | "unknown" => {
  const bootsKnown = self.bootId !== "" && other.bootId !== "";
  const sameBoot = bootsKnown ? self.bootId === other.bootId : self.host === other.host;
  if (sameBoot) {
    return self.pidNamespace === other.pidNamespace ? judgeByPid(files, other) : "unknown";
  }
  return bootsKnown && self.host === other.host ? "dead" : "unknown";
};

/** The process that has the pid now, as seen from the process `self`. */
export const findProcess = (
  files: ProcFiles,
  self: ProcessIdentity,
  pid: number,
): RunningProcess | undefined => {
  if (judgeByPid(files, { ...self, pid, startTime: "" }) === "dead") return undefined;
  if (!procIsOurs(files)) return { identity: { ...self, pid, startTime: "" }, argv: [] };
  const startTime = procStat(files, pid)?.startTime ?? "";
  const words = files.readText(`/proc/${pid}/cmdline`) ?? "";
  const argv = words === "" ? [] : words.replace(/\0$/, "").split("\0");
  return { identity: { ...self, pid, startTime }, argv };
};

/** The processes below the one that has the pid, as seen from the process `self`. */
export const findDescendants = (
  files: ProcFiles,
  self: ProcessIdentity,
  pid: number,
): readonly RunningProcess[] => {
  if (!procIsOurs(files)) return [];
  const childrenOf = new Map<number, number[]>();
  for (const name of files.list("/proc")) {
    const stat = /^[0-9]+$/.test(name) ? procStat(files, Number(name)) : undefined;
    if (!stat) continue;
    const siblings = childrenOf.get(stat.parentPid) ?? [];
    childrenOf.set(stat.parentPid, [...siblings, Number(name)]);
  }
  const below = (parent: number): readonly number[] =>
    (childrenOf.get(parent) ?? []).flatMap((child) => [child, ...below(child)]);
  return below(pid)
    .map((each) => findProcess(files, self, each))
    .filter((found) => found !== undefined);
};
