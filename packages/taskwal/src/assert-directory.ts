/** A directory that a verb was given must be there: a wrong path is a wrong call, and none is made for it. */
import { openNodeDisk } from "@taskwal/disk";
import { errnoOf } from "@taskwal/errors";
import { UsageError } from "./usage-error.ts";

export const assertDirectory = async (dir: string): Promise<void> => {
  try {
    await (await openNodeDisk().openDirectory(dir)).close();
  } catch (error) {
    throw new UsageError(`cannot open ${dir}: ${errnoOf(error) ?? String(error)}`);
  }
};
