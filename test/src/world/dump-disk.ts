/** A directory of a simulated disk as a real one: for what reads real disks only. */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { SimDisk } from "@taskwal/disk/sim";

/** Writes every file below `dir` into `into`, which is returned. */
export const dumpDirectory = (sim: SimDisk, dir: string, into: string): string => {
  for (const path of sim.listRaw().filter((one) => one.startsWith(`${dir}/`))) {
    const target = join(into, path.slice(dir.length));
    mkdirSync(dirname(target), { recursive: true, mode: 0o700 });
    writeFileSync(target, sim.readRaw(path), { mode: 0o600 });
  }
  return into;
};
