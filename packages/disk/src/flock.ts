/**
 * The kernel's lock of an open file, and the only door to `fs-ext`.
 *
 *     fs-ext loads ───────────────> flock(2) by the addon            "fs-ext"
 *     else flock(1) runs ─────────> flock(2) on descriptor 3         "flock(1)"
 *     else ───────────────────────> no kernel lock, said so          "identity"
 *
 * The first two take the same kernel lock, so holders by either exclude each other. The lock belongs
 * to the open file description: it ends when that is closed, also by SIGKILL.
 *
 * The rule: never "no lock" in silence. The caller is told which backend holds, and with "identity"
 * the caller must judge the recorded owner.
 */

import { spawn } from "node:child_process";
import { createRequire } from "node:module";

import { errnoOf } from "@taskwal/errors";

import type { LockBackend } from "./index.ts";

interface FsExt {
  flockSync(fd: number, flags: "exnb"): void;
}

type Outcome = "taken" | "held" | "unavailable";

const preference: readonly LockBackend[] = ["fs-ext", "flock(1)", "identity"];
const heldErrnos = new Set(["EAGAIN", "EWOULDBLOCK"]);
const unsupportedErrnos = new Set(["ENOSYS", "ENOTSUP", "EOPNOTSUPP"]);

let addon: FsExt | undefined;
let addonWasTried = false;

/** The addon, loaded on first use: it may be missing, or built for another version of Node. */
const loadAddon = (): FsExt | undefined => {
  if (addonWasTried) return addon;
  addonWasTried = true;
  try {
    addon = createRequire(import.meta.url)("fs-ext") as FsExt;
  } catch {
    addon = undefined;
  }
  return addon;
};

const lockByAddon = (fd: number): Outcome => {
  const loaded = loadAddon();
  if (!loaded) return "unavailable";
  try {
    loaded.flockSync(fd, "exnb");
    return "taken";
  } catch (error) {
    const errno = errnoOf(error) ?? "";
    if (heldErrnos.has(errno)) return "held";
    if (unsupportedErrnos.has(errno)) return "unavailable";
    throw error;
  }
};

/** The child locks our open file description through its descriptor 3, so the lock outlives the child. */
const lockByCommand = (fd: number): Promise<Outcome> =>
  new Promise((resolve, reject) => {
    const child = spawn("flock", ["-x", "-n", "3"], {
      stdio: ["ignore", "ignore", "ignore", fd],
      windowsHide: true,
    });
    child.once("error", () => resolve("unavailable"));
    child.once("exit", (code, signal) => {
      // A signal (Ctrl-C reaches the whole group) says nothing about the lock: not a reason to do without.
      if (signal !== null) {
        reject(Object.assign(new Error(`flock was ended by ${signal}`), { code: "EINTR" }));
      } else if (code === 0) resolve("taken");
      else resolve(code === 1 ? "held" : "unavailable");
    });
  });

const attempts: Record<LockBackend, (fd: number) => Outcome | Promise<Outcome>> = {
  "fs-ext": lockByAddon,
  "flock(1)": lockByCommand,
  identity: () => "taken",
};

/**
 * Takes the exclusive lock of the open file `fd` without waiting: the backend that holds it, or
 * undefined if another open file does. With `forced` only that backend is tried: throws ENOTSUP
 * where it does not exist. The descriptor must stay open until this settles.
 */
export const tryFlock = async (
  fd: number,
  forced?: LockBackend,
): Promise<LockBackend | undefined> => {
  for (const backend of forced ? [forced] : preference) {
    const outcome = await attempts[backend](fd);
    if (outcome === "taken") return backend;
    if (outcome === "held") return undefined;
  }
  throw Object.assign(new Error(`the lock backend ${forced} is not available here`), {
    code: "ENOTSUP",
  });
};
