/**
 * The PID file of the real program, with its weaknesses: no lock, not atomic, anything alive counts.
 *
 * The rule: as the real one decides, so that whoever reads and writes this file meets the same.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

import { log } from "./fake-log.ts";

const readOrEmpty = (path: string): string => {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
};

/** 1 is alive, 0 and negative numbers are not, and a process of another user is (EPERM). */
const isAlive = (pid: number): boolean => {
  if (pid <= 0) return false;
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
};

/** Throws where a live process is in the file. */
export const writePidFile = (pidFile: string): void => {
  const found = readOrEmpty(pidFile).trim();
  if (/^[+-]?\d+$/.test(found)) {
    const pid = Number(found);
    if (isAlive(pid)) {
      throw new Error(
        `failed to write PID file:\n  - another instance is already running with PID ${pid} (PID file: ${pidFile}):`,
      );
    }
    log("WARN", "Found stale PID file, will overwrite", { pidFile, stalePID: pid });
  }
  mkdirSync(dirname(pidFile), { recursive: true, mode: 0o700 });
  writeFileSync(pidFile, `${process.pid}\n`, { mode: 0o600 });
  log("INFO", "Wrote PID file", { pidFile, pid: process.pid });
};

export const removePidFile = (pidFile: string): void => {
  const found = readOrEmpty(pidFile).trim();
  if (found === "") return;
  if (found !== String(process.pid)) {
    log("INFO", "PID file belongs to another process, skipping cleanup", { pidFile });
    return;
  }
  try {
    rmSync(pidFile);
    log("INFO", "Removed PID file", { pidFile });
  } catch {
    log("ERROR", "Failed to remove PID file", {
      pidFile,
      error: `remove ${pidFile}: permission denied`,
    });
  }
};
