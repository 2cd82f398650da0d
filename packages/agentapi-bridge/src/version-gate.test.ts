import { describe, expect, it } from "vitest";

import { decideGate, parseVersionText, versionAtLeast } from "./version-gate.ts";

describe("the registry's comparison of versions", () => {
  it.each([
    "0.12.0",
    "v0.12.0",
    "0.12.1",
    "0.13.0",
    "1.0.0",
    "v1.0.0",
    // What is not three numbers is taken for new enough.
    "latest",
    "",
    "dev",
    "unknown",
    "--version",
    "0.12",
    "0.12.0.1",
    "0.11.8.1",
    "0.12.0-rc1",
    "0.11.8-rc1",
    "0.11.8+b5",
    "v0.12.0-5-gabc",
    "V0.11.8",
    "vv0.11.8",
    " 0.11.8",
    "0.11.8 ",
    "0.11.8\n0.11.8",
    "99999999999999999999.0.0",
  ])("says that %j is at least 0.12.0", (actual) => {
    expect(versionAtLeast("0.12.0", actual)).toBe(true);
    expect(versionAtLeast("v0.12.0", actual)).toBe(true);
  });

  it.each([
    "0.11.8",
    "v0.11.8",
    "v0.11.999",
    "0.0.0",
    "0.2.0",
    "0.9.10",
    "0.10.0",
    "0.11.08",
    "00.11.08",
  ])("says that %j is not", (actual) => {
    expect(versionAtLeast("0.12.0", actual)).toBe(false);
  });

  it.each(["latest", "", "0.12", "vv0.12.0"])(
    "says yes to anything where %j is asked",
    (minimum) => {
      expect(versionAtLeast(minimum, "0.11.8")).toBe(true);
    },
  );

  it("compares as decimals where the registry's shell took octal or wrapped around", () => {
    // There: true, true, false, false, false.
    expect(versionAtLeast("0.12.0", "0.08.0")).toBe(false);
    expect(versionAtLeast("0.12.0", "0.09.9")).toBe(false);
    expect(versionAtLeast("0.12.0", "0.12.08")).toBe(true);
    expect(versionAtLeast("0.12.0", "0.012.0")).toBe(true);
    expect(versionAtLeast("0.12.0", "18446744073709551616.0.0")).toBe(true);
  });

  it("is the order of the numbers for all small versions", () => {
    const numbers = [0, 1, 2, 11, 12];
    const all = numbers.flatMap((a) => numbers.flatMap((b) => numbers.map((c) => [a, b, c])));
    const rank = ([a = 0, b = 0, c = 0]: readonly number[]) => a * 10_000 + b * 100 + c;
    for (const one of all) {
      for (const other of all) {
        expect(versionAtLeast(one.join("."), other.join("."))).toBe(rank(other) >= rank(one));
      }
    }
  });
});

describe("the version that a program prints", () => {
  it("is read strictly", () => {
    expect(parseVersionText("agentapi version 0.12.1\n")).toBe("0.12.1");
    expect(parseVersionText("agentapi version v0.12.1")).toBe("0.12.1");
    expect(parseVersionText("agentapi version 0.12.0-rc1\n")).toBe("0.12.0-rc1");
    const others = [
      "0.12.1",
      "agentapi version 0.12",
      "agentapi version 0.012.1",
      "agentapi version latest",
    ];
    for (const text of [
      ...others,
      "agentapi version 0.12.1\n\n",
      "x agentapi version 0.12.1",
      "",
    ]) {
      expect(parseVersionText(text)).toBe(undefined);
    }
  });
});

describe("the gate", () => {
  const help = "  --state-file string\n --load-state\n --save-state, x\n --pid-file string\n";
  const version = (text: string) => ({ versionText: `agentapi version ${text}\n` });

  it("by probe believes the help before the OpenAPI, and that before the version", () => {
    const openApiText = '{"const":"agent_error"}';
    expect(decideGate("probe", { helpText: help, ...version("0.11.8") })).toMatchObject({
      supported: true,
      by: "help",
    });
    expect(
      decideGate("probe", { helpText: "--port", openApiText, ...version("0.12.1") }),
    ).toMatchObject({
      supported: false,
      by: "help",
    });
    expect(decideGate("probe", { openApiText, ...version("0.11.8") })).toMatchObject({
      supported: true,
      by: "openapi",
    });
    expect(decideGate("probe", version("0.12.1"))).toMatchObject({
      supported: true,
      by: "version",
    });
    expect(decideGate("probe", version("0.11.8"))).toMatchObject({
      supported: false,
      by: "version",
    });
  });

  it("by probe wants all four flags, and names those that are missing", () => {
    for (const flag of ["--state-file", "--load-state", "--save-state", "--pid-file"]) {
      expect(decideGate("probe", { helpText: help.replace(flag, `${flag}x`) })).toEqual({
        supported: false,
        by: "help",
        reason: `its help has no ${flag}`,
      });
    }
  });

  it("by probe says no where nothing is known, and to what is not a release", () => {
    expect(decideGate("probe", {})).toEqual({
      supported: false,
      by: "nothing",
      reason: "nothing is known of it",
    });
    for (const text of ["0.12.0-rc1", "0.13.0+b5", "latest", "0.12"]) {
      expect(decideGate("probe", version(text))).toMatchObject({ supported: false, by: "version" });
    }
  });

  it("of the registry looks at nothing but the last word of the version, and says yes to the rest", () => {
    expect(decideGate("registry", { helpText: "--port", ...version("0.12.1") })).toEqual({
      supported: true,
      by: "version",
      reason: "its version is 0.12.1",
    });
    expect(decideGate("registry", { helpText: help, ...version("0.11.8") }).supported).toBe(false);
    expect(decideGate("registry", {})).toEqual({
      supported: true,
      by: "version",
      reason: "its version is unknown",
    });
    expect(decideGate("registry", { versionText: "a 0.11.8\nb 0.11.8\n" }).supported).toBe(true);
    expect(decideGate("registry", version("0.11.8-rc1")).supported).toBe(true);
  });
});
