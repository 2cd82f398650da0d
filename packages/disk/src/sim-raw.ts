/**
 * Hands on the medium of a simulated disk: rot, an editor, a restored backup, a removed file.
 *
 * The rule: what is done here is durable at once and is no call: not numbered, no fault, no crash.
 */

import { systemError } from "./sim-faults.ts";
import type { SimFolder } from "./sim-folder.ts";
import { SimBytes } from "./sim-bytes.ts";
import type { SimInode } from "./sim-inode.ts";
import type { SimTree } from "./sim-tree.ts";

export const fileAt = (tree: SimTree, path: string): SimInode => {
  const node = tree.find(path);
  if (node?.kind === "file") return node;
  throw systemError(node ? "EISDIR" : "ENOENT", "open", path);
};

export const flipBit = (tree: SimTree, path: string, bit: number): void => {
  const inode = fileAt(tree, path);
  const at = Math.floor(bit / 8);
  if (at >= inode.cached.sizeBytes) {
    throw new RangeError(`bit ${bit} is beyond the ${inode.cached.sizeBytes} bytes of ${path}`);
  }
  const mask = 1 << (bit % 8);
  for (const bytes of [inode.cached, inode.durable]) {
    const [old] = bytes.view(at, at + 1);
    if (old !== undefined) bytes.write(Uint8Array.of(old ^ mask), at);
  }
};

/** The folder that holds the last part of `path`, made if it is missing. */
const folderFor = (tree: SimTree, path: string): { folder: SimFolder; leaf: string } => {
  const parts = path.split("/").filter(Boolean);
  const leaf = parts.pop();
  if (leaf === undefined) throw systemError("EISDIR", "open", path);
  let folder = tree.root;
  for (const part of parts) {
    const node = folder.cached.get(part) ?? tree.newFolder();
    if (node.kind === "file") throw systemError("ENOTDIR", "open", path);
    folder.cached.set(part, node);
    folder.durable.set(part, node);
    folder = node;
  }
  return { folder, leaf };
};

export const writeRaw = (
  tree: SimTree,
  path: string,
  bytes: Uint8Array,
  modified: string,
): void => {
  const { folder, leaf } = folderFor(tree, path);
  const existing = folder.cached.get(leaf);
  if (existing?.kind === "folder") throw systemError("EISDIR", "open", path);
  const inode = existing ?? tree.newFile();
  if (!existing) inode.links = 1;
  folder.cached.set(leaf, inode);
  folder.durable.set(leaf, inode);
  tree.settleName(folder, leaf);
  inode.durable = SimBytes.of(bytes);
  inode.cached = inode.durable.clone();
  inode.unsynced = [];
  inode.modified = modified;
};

export const removeRaw = (tree: SimTree, path: string): void => {
  const inode = fileAt(tree, path);
  const { folder, leaf } = folderFor(tree, path);
  folder.cached.delete(leaf);
  folder.durable.delete(leaf);
  tree.settleName(folder, leaf);
  inode.links -= 1;
  tree.releaseIfUnused(inode);
};

export const listRaw = (tree: SimTree): string[] => {
  const found: string[] = [];
  const visit = (path: string, folder: SimFolder): void => {
    for (const [name, node] of folder.cached) {
      if (node.kind === "file") found.push(`${path}/${name}`);
      else visit(`${path}/${name}`, node);
    }
  };
  visit("", tree.root);
  return found.sort();
};
