/** Every system call of a short life fails in every way that it can, in a real process. */
import { createHash } from "node:crypto";
import { addTo } from "../kernel/counts.ts";
import { missingOf } from "../kernel/needs.ts";
import { SyscallLife, syscallWorkerPath } from "../kernel/syscall-life.ts";
import type { Campaign } from "./campaign.ts";

const pointsPerRound = 48;

/** Rounds go through all points in order and begin again: round 1 has the first ones. */
export const syscallsCampaign: Campaign = {
  name: "syscalls",
  what: "a real process killed before, or given an error or a lie by, every system call of a short life",
  promises: [1, 2, 6, 13],
  test: {
    file: "test/src/syscalls.test.ts",
    name: "a process killed before a system call, or given an error or a lie by it, loses nothing that it acknowledged, or says so",
  },
  missing: () => missingForSyscalls(),
  round: async ({ seed, see, progress }) => {
    const life = new SyscallLife();
    try {
      const { points } = life;
      const rounds = Math.ceil(points.length / pointsPerRound);
      const start = ((seed - 1) % rounds) * pointsPerRound;
      const own = points.slice(start, start + pointsPerRound);
      const counts: Record<string, number> = {};
      for (const [index, point] of own.entries()) {
        addTo(counts, await life.suffer(point));
        see(createHash("sha256").update(point.inject).digest());
        progress(index + 1);
      }
      if (start === 0)
        addTo(counts, { [`of ${points.length} points on ${life.callCount} calls`]: 1 });
      return { trials: own.length, counts };
    } finally {
      life.dispose();
    }
  },
};

export const missingForSyscalls = (): string | undefined =>
  missingOf({ programs: ["strace"], files: [syscallWorkerPath], mounts: false });
