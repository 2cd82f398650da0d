/**
 * Where a damaged store lies: on the simulated disk (thousands of damages a minute) or on a real one.
 *
 *     reset ─ hurt (flip, cut, remove, convert) ─ disk() ─ open ─ look ─ crash, disk() again …
 *
 * The rule: every damage begins from the same undamaged files.
 */
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { openNodeDisk, type Disk } from "@taskwal/disk";
import type { SimDisk, SimState } from "@taskwal/disk/sim";

export interface Medium {
  readonly dir: string;
  /** The undamaged files again. No store of this medium may be open where the disk is real. */
  reset(): void;
  /** Names of files, relative to the directory, sorted. */
  names(): string[];
  read(name: string): Uint8Array;
  write(name: string, bytes: Uint8Array): void;
  remove(name: string): void;
  /** For a new process. */
  disk(): Disk;
  /** Whether `crash` can be had. */
  readonly canCrash: boolean;
  /** Every process dies, the power fails, and nothing survives but what was synced. */
  crash(): void;
}

export const simDir = "/store";

export const simMedium = (sim: SimDisk, base: SimState): Medium => ({
  dir: simDir,
  reset: () => sim.restore(base),
  names: () => sim.listRaw().map((path) => path.slice(simDir.length + 1)),
  read: (name) => sim.readRaw(`${simDir}/${name}`),
  write: (name, bytes) => sim.writeRaw(`${simDir}/${name}`, bytes),
  remove: (name) => sim.removeRaw(`${simDir}/${name}`),
  disk: () => sim.process("reader"),
  canCrash: true,
  crash: () => sim.powerCut("none"),
});

const filesBelow = (dir: string): string[] =>
  readdirSync(dir, { recursive: true, encoding: "utf8" })
    .filter((name) => statSync(join(dir, name)).isFile())
    .toSorted();

/** Puts the files of another medium into a temporary directory. Call `dispose` at the end. */
export const realMedium = (from: Medium): Medium & { dispose(): void } => {
  const root = mkdtempSync(join(tmpdir(), "taskwal-corruption-"));
  const base = join(root, "base");
  const dir = join(root, "store");
  for (const name of from.names()) {
    mkdirSync(dirname(join(base, name)), { recursive: true, mode: 0o700 });
    writeFileSync(join(base, name), from.read(name), { mode: 0o600 });
  }
  chmodSync(base, 0o700);
  const disk = openNodeDisk();
  return {
    dir,
    reset: () => {
      rmSync(dir, { recursive: true, force: true });
      cpSync(base, dir, { recursive: true });
    },
    names: () => filesBelow(dir),
    read: (name) => readFileSync(join(dir, name)),
    write: (name, bytes) => writeFileSync(join(dir, name), bytes),
    remove: (name) => rmSync(join(dir, name)),
    disk: () => disk,
    canCrash: false,
    crash: () => {
      throw new Error("a real disk cannot be asked to lose its power");
    },
    dispose: () => rmSync(root, { recursive: true }),
  };
};
