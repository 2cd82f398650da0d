import { decideGate, parsePidFile, parseVersionText } from "@taskwal/agentapi-bridge";
import { describe, expect, it } from "vitest";

import { capturesOf, captureText } from "./agentapi-captures.ts";

const programs = [
  { release: "0.11.8", supported: false },
  { release: "0.12.0", supported: true },
  { release: "0.12.1", supported: true },
];

describe("what a program says of itself", () => {
  it.each(programs)(
    "lets each probe and the registry decide the same: $release",
    ({ release, supported }) => {
      const versionText = captureText(`cli/version-v${release}.txt`);
      const helpText = captureText(`cli/server-help-v${release}.txt`);
      const openApiText = captureText(`http/openapi-v${release}.body.json`);
      expect(parseVersionText(versionText)).toBe(release);
      expect(decideGate("probe", { helpText })).toMatchObject({ supported, by: "help" });
      expect(decideGate("probe", { openApiText })).toMatchObject({ supported, by: "openapi" });
      expect(decideGate("probe", { versionText })).toMatchObject({ supported, by: "version" });
      expect(decideGate("registry", { versionText })).toMatchObject({ supported, by: "version" });
    },
  );

  it.each(capturesOf(".pid"))("is a PID file that we read: %s", (name) => {
    expect(`${parsePidFile(captureText(name))}\n`).toBe(captureText(name));
  });
});
