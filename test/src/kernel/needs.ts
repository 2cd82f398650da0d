/**
 * What a machine must have for harm that only a kernel can do: the right to mount, programs, file systems.
 *
 * The rule: the answer names what is missing and the package that has it, so that nobody takes "not run"
 * for "passed".
 */
import { existsSync, readFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { areRegistersTooLarge } from "./uml-registers.ts";

export interface Needs {
  readonly programs: readonly string[];
  /** Known to the running kernel. */
  readonly fileSystems?: readonly string[];
  /** Paths that must be there: built workers, kernel modules. */
  readonly files?: readonly string[];
  /** Mounts images: needs root and loop devices. */
  readonly mounts?: boolean;
}

/** Debian's, where the name does not say it. */
const packages = new Map([
  ["linux.uml", "user-mode-linux"],
  ["mkfs.ext4", "e2fsprogs"],
  ["filefrag", "e2fsprogs"],
  ["mkfs.xfs", "xfsprogs"],
  ["xfs_io", "xfsprogs"],
  ["mkfs.btrfs", "btrfs-progs"],
  ["cc", "gcc"],
]);

const inPackage = (name: string): string =>
  packages.has(name) ? `the program ${name} (${packages.get(name)})` : `the program ${name}`;

/** In words what is missing, or undefined. */
export const missingOf = ({
  programs,
  fileSystems = [],
  files = [],
  mounts = true,
}: Needs): string | undefined => {
  const lacks = [
    ...(process.platform === "linux" ? [] : ["Linux"]),
    ...(mounts && process.getuid?.() !== 0 ? ["root, to mount an image"] : []),
    ...(mounts && !existsSync("/dev/loop-control") ? ["loop devices (/dev/loop-control)"] : []),
    ...programs.filter((name) => !isOnPath(name)).map(inPackage),
    ...fileSystems.filter((name) => !kernelKnows(name)).map((name) => `${name} in the kernel`),
    ...files.filter((path) => !existsSync(path)).map((path) => `the file ${path}`),
  ];
  return lacks.length === 0 ? undefined : lacks.join(", ");
};

/** What a User-Mode Linux needs that has images of these kinds, and device mapper if it is `mapped`. */
export const missingForGuest = (
  kinds: readonly string[],
  files: readonly string[],
  { mapped = false, programs = [] }: { mapped?: boolean; programs?: readonly string[] } = {},
): string | undefined =>
  missingOf({
    programs: [
      "linux.uml",
      "mount",
      "umount",
      ...kinds.map((kind) => `mkfs.${kind}`),
      ...(mapped ? ["dmsetup", "busybox", "blockdev"] : []),
      ...(areRegistersTooLarge() ? ["cc"] : []),
      ...programs,
    ],
    fileSystems: kinds,
    files: [...files, ...(mapped ? ["/usr/lib/uml/modules"] : [])],
  });

// Also where root's programs are: a PATH of a plain user does not name them.
const isOnPath = (name: string): boolean =>
  [...(process.env["PATH"] ?? "").split(delimiter), "/usr/sbin", "/sbin"].some((folder) =>
    existsSync(join(folder, name)),
  );

const kernelKnows = (fileSystem: string): boolean =>
  existsSync("/proc/filesystems") &&
  readFileSync("/proc/filesystems", "utf8")
    .split("\n")
    .some((line) => line.split("\t").at(-1) === fileSystem);
