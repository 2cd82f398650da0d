/** Which commit a result was obtained at. */
import { execFileSync } from "node:child_process";

/** "+" behind it: with changes that are not committed. */
export const commitOf = (): string => {
  const git = (...args: string[]): string =>
    execFileSync("git", args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
  try {
    const changed = git("status", "--porcelain", "--", "packages", "test/src") !== "";
    return `${git("rev-parse", "--short", "HEAD")}${changed ? "+" : ""}`;
  } catch {
    return "unknown";
  }
};
