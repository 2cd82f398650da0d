/**
 * A store of tasks that is opened where agentapi keeps its state: refused by what the file holds, whatever it is called.
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openTaskStore, UnsupportedFormatError } from "taskwal";
import { describe, expect, it } from "vitest";

import { capturesPath } from "./agentapi-captures.ts";
import { newFolder } from "./agentapi-process.ts";

const saved = readFileSync(join(capturesPath, "states/turns-31-sigterm.json"));

describe("the folder of an agentapi", () => {
  it.each(["state.json", "agentapi-state.json"])(
    "is refused as a store, and left as it is, with its state in %s",
    async (name) => {
      const dir = newFolder();
      writeFileSync(join(dir, name), saved);
      const opening = openTaskStore({ dir });
      await expect(opening).rejects.toBeInstanceOf(UnsupportedFormatError);
      await expect(opening).rejects.toThrow("of another program");
      expect(readdirSync(dir)).toEqual([name]);
      expect(readFileSync(join(dir, name))).toEqual(saved);
    },
  );
});
