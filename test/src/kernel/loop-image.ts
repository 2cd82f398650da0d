/**
 * A file system of its own in a file, mounted by the real kernel.
 *
 *     image ─ mkfs ─ mount ─ … ─ shutdown (everything not synced is gone) ─ umount ─ mount: the journal recovers
 *
 * The rule: whatever happens, nothing stays mounted; what a killed run left is unmounted by the next one.
 */
import { execFileSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export type ImageKind = "ext4" | "xfs" | "btrfs";

// Large enough for xfs, and sparse.
const imageBytes = 320 * 1024 * 1024;
const releaseMsMax = 60_000;
const prefix = "taskwal-image-";

/** In memory where that exists: what is tested is the file system in the image, not the one below it. */
const below = (): string => (existsSync("/dev/shm") ? "/dev/shm" : tmpdir());

const live = new Set<LoopImage>();
process.once("exit", () => {
  for (const image of live) image.dispose();
});

export class LoopImage {
  readonly kind: ImageKind;
  /** Files that belong to the image; outside it. */
  readonly folder: string;
  readonly imagePath: string;
  /** Where it is mounted. */
  readonly mountPoint: string;
  #isMounted = false;

  constructor(kind: ImageKind, imagePath?: string) {
    disposeLeftovers();
    this.kind = kind;
    this.folder = mkdtempSync(join(below(), `${prefix}${process.pid}-`));
    this.imagePath = imagePath ?? join(this.folder, "image");
    this.mountPoint = join(this.folder, "mount");
    mkdirSync(this.mountPoint);
    live.add(this);
  }

  /** A new and empty file system. */
  static make(kind: ImageKind): LoopImage {
    const image = new LoopImage(kind);
    writeFileSync(image.imagePath, "");
    truncateSync(image.imagePath, imageBytes);
    run(`mkfs.${kind}`, "-q", image.imagePath);
    return image;
  }

  mount(): void {
    // Copies of one xfs share their id.
    const options = this.kind === "xfs" ? "loop,nouuid" : "loop";
    run("mount", "-t", this.kind, "-o", options, this.imagePath, this.mountPoint);
    this.#isMounted = true;
  }

  /** Resolves once the kernel has let go of the file system, so that the next mount begins with what is in the image. */
  async unmount(): Promise<void> {
    if (!this.#isMounted) return;
    run("umount", this.mountPoint);
    this.#isMounted = false;
    // A process that has made a mount namespace of its own meanwhile holds a copy of the mount: then a
    // mount would only join the file system that was shut down.
    for (let waitedMs = 0; isAttached(this.imagePath); waitedMs += 20) {
      if (waitedMs > releaseMsMax) throw new Error(`${this.imagePath} is still in use`);
      await new Promise((done) => setTimeout(done, 20));
    }
  }

  /** As if the power failed: from now on nothing reaches the image. `flush` writes the journal before. */
  shutdown(flush: boolean): void {
    run("xfs_io", "-x", "-c", flush ? "shutdown -f" : "shutdown", this.mountPoint);
  }

  dispose(): void {
    live.delete(this);
    if (this.#isMounted) quietly("umount", "-l", this.mountPoint);
    this.#isMounted = false;
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Whether a loop device still has the file. */
const isAttached = (path: string): boolean =>
  readdirSync("/sys/block")
    .filter((name) => name.startsWith("loop"))
    .some((name) => {
      try {
        return readFileSync(`/sys/block/${name}/loop/backing_file`, "utf8").startsWith(path);
      } catch {
        // Not attached to anything.
        return false;
      }
    });

/** Images of processes that are gone. */
const disposeLeftovers = (): void => {
  for (const name of readdirSync(below()).filter((one) => one.startsWith(prefix))) {
    const owner = name.slice(prefix.length).split("-")[0] ?? "";
    if (existsSync(`/proc/${owner}`)) continue;
    const mountPoint = join(below(), name, "mount");
    if (readFileSync("/proc/mounts", "utf8").includes(` ${mountPoint} `))
      quietly("umount", "-l", mountPoint);
    rmSync(join(below(), name), { recursive: true, force: true });
  }
};

const environment = { ...process.env, PATH: `${process.env["PATH"] ?? ""}:/usr/sbin:/sbin` };

const run = (program: string, ...words: string[]): void =>
  void execFileSync(program, words, { stdio: ["ignore", "ignore", "pipe"], env: environment });

const quietly = (program: string, ...words: string[]): void => {
  try {
    run(program, ...words);
  } catch {
    // It was not mounted any more.
  }
};
