/**
 * User-Mode Linux of Linux 6.1 cannot set the registers of a CPU with AMX ("ptrace set fp regs failed, errno = 14"):
 * there a few lines of C are loaded between it and ptrace(2), uml-registers.c.
 */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";

export const areRegistersTooLarge = (): boolean =>
  existsSync("/proc/cpuinfo") &&
  /^flags\s*:.*\bamx_tile\b/m.test(readFileSync("/proc/cpuinfo", "utf8"));

/** What the environment of a User-Mode Linux needs here. Builds in `folder`. */
export const registersEnv = (folder: string): Readonly<Record<string, string>> => {
  if (!areRegistersTooLarge()) return {};
  const library = join(folder, "uml-registers.so");
  if (!existsSync(library)) {
    const source = resolve("test/src/kernel/uml-registers.c");
    execFileSync("cc", ["-shared", "-fPIC", "-O1", "-o", library, source], { stdio: "pipe" });
  }
  return { LD_PRELOAD: library };
};
