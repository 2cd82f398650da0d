/**
 * A real process under strace, with one of its system calls made to fail: some points of the campaign
 * `syscalls`, which goes through all of them.
 */
import { expect, onTestFinished, test } from "vitest";
import { missingForSyscalls } from "./campaign/syscalls-campaign.ts";
import { print } from "./corruption/tally.ts";
import { addTo } from "./kernel/counts.ts";
import { SyscallLife } from "./kernel/syscall-life.ts";

/** Of each kind of harm. */
const pointsPerHarm = 1;
const testMs = 120_000;

test(
  "a process killed before a system call, or given an error or a lie by it, loses nothing that it acknowledged, or says so",
  async (context) => {
    const lack = missingForSyscalls();
    if (lack !== undefined) context.skip(`not here: ${lack}`);
    const life = new SyscallLife();
    onTestFinished(() => life.dispose());
    const counts: Record<string, number> = {};
    for (const harm of ["kill", "error", "lie"] as const) {
      const points = life.points.filter((point) => point.harm === harm);
      for (let drawn = 0; drawn < pointsPerHarm; drawn += 1) {
        const point = points[Math.floor(Math.random() * points.length)];
        if (!point) throw new Error(`no point to ${harm} at`);
        print(`syscalls: ${point.inject}`);
        addTo(counts, await life.suffer(point));
      }
      expect(counts[harm]).toBe(pointsPerHarm);
    }
    print(`syscalls: ${JSON.stringify(counts)} of ${life.points.length} points`);
  },
  testMs,
);
