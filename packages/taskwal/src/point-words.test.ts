import { expect, it } from "vitest";
import { joinPoints } from "./point-words.ts";

it("a point that begins with a minus belongs to the option before it, and nothing else is joined", () => {
  const words = (text: string): string[] => joinPoints(text.split(" "));
  expect(words("state 6f --at -5m --json")).toEqual(["state", "6f", "--at=-5m", "--json"]);
  expect(words("log --since -1h -n 4")).toEqual(["log", "--since=-1h", "-n", "4"]);
  expect(words("log --at --json -n 4 -5")).toEqual(["log", "--at", "--json", "-n", "4", "-5"]);
  expect(words("agentapi run -- x --at -5m")).toEqual([
    "agentapi",
    "run",
    "--",
    "x",
    "--at",
    "-5m",
  ]);
});
