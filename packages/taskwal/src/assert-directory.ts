/** A directory that a verb was given must be there: a wrong path is a wrong call, and none is made for it. */
import { openNodeDisk, type Directory } from "@taskwal/disk";
import { errnoOf } from "@taskwal/errors";
import { classifyDirectory } from "@taskwal/tasks";
import { UsageError } from "./usage-error.ts";

export const assertDirectory = async (dir: string): Promise<void> => {
  await (await opened(dir)).close();
};

/** As `assertDirectory`; besides, a verb that tends a store makes none, and imports none that nobody asked it to. */
export const assertStore = async (dir: string): Promise<void> => {
  const directory = await opened(dir);
  try {
    const kind = await classifyDirectory(directory);
    if (kind === "empty") throw new UsageError(`${dir} holds no store`);
    if (kind === "legacy") {
      throw new UsageError(`${dir} holds no store yet: "taskwal import ${dir}" makes it one`);
    }
  } finally {
    await directory.close();
  }
};

const opened = async (dir: string): Promise<Directory> => {
  try {
    return await openNodeDisk().openDirectory(dir);
  } catch (error) {
    throw new UsageError(`cannot open ${dir}: ${errnoOf(error) ?? String(error)}`);
  }
};
