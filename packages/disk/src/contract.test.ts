import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, describe, expect, it } from "vitest";

import { diskContract } from "./contract.ts";
import { openNodeDisk } from "./node-disk.ts";
import { createSimDisk } from "./sim.ts";

const scratch = mkdtempSync(join(tmpdir(), "taskwal-disk-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

let count = 0;
const nextName = (): string => `directory-${(count += 1)}`;

diskContract(
  { describe, it, expect },
  {
    name: "node",
    openDisk: () => openNodeDisk(),
    makePath: async () => join(scratch, nextName()),
  },
);

for (const realTurns of [false, true]) {
  const sim = createSimDisk({ seed: 3, realTurns });
  diskContract(
    { describe, it, expect },
    {
      name: realTurns ? "sim with real turns" : "sim",
      openDisk: () => sim.process(),
      makePath: async () => `/${nextName()}`,
      passTime: async (ms) => sim.clock.advance(ms),
      powerCut: async () => {
        sim.powerCut("none");
        return sim.process();
      },
    },
  );
}
