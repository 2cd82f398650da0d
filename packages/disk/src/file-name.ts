/**
 * The names that a Directory takes: "state.json", "wal/HEAD", and "." for the root folder.
 *
 * The rule: a name never leaves its directory and is at most one folder deep.
 */

const refuse = (name: string): never => {
  throw Object.assign(new Error(`${JSON.stringify(name)} is not a name inside a directory`), {
    code: "EINVAL",
  });
};

const isPart = (part: string | undefined): boolean =>
  part !== undefined && part !== "" && part !== "." && part !== ".." && !/[\0/\\]/.test(part);

/** The one or two parts of a file's name. Throws EINVAL for anything else. */
export const partsOfName = (name: string): readonly string[] => {
  const parts = name.split("/");
  return parts.length <= 2 && parts.every(isPart) ? parts : refuse(name);
};

/** The part of a folder's name, none for ".". Throws EINVAL for anything else. */
export const partsOfFolder = (folder: string): readonly string[] => {
  if (folder === ".") return [];
  return isPart(folder) ? [folder] : refuse(folder);
};
