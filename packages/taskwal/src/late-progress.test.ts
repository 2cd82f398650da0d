import { PassThrough } from "node:stream";
import { expect, it } from "vitest";
import { openLateProgress } from "./late-progress.ts";

const onTerminal = (isTTY: boolean) => {
  let said = "";
  const out = Object.assign(new PassThrough(), { isTTY }) as unknown as NodeJS.WriteStream;
  out.on("data", (piece: Buffer) => (said += piece.toString()));
  let now = 0;
  const progress = openLateProgress(out, () => now);
  const shown = (): string =>
    said
      // oxlint-disable-next-line no-control-regex -- what a terminal acts on
      .replaceAll(/\u001B\[\d*[mK]/g, "")
      .split("\r")
      .at(-1) ?? "";
  return { progress, shown, at: (ms: number) => (now = ms) };
};

it("is a bar with what is left, of long work only, and gone behind its end", () => {
  const { progress, shown, at } = onTerminal(true);
  progress.reading({ sequence: 10, last: 100 });
  expect(shown()).toBe("");
  at(1_000);
  progress.reading({ sequence: 25, last: 100 });
  expect(shown()).toBe("reading █████░░░░░░░░░░░░░░░ 25 %  @25 of @100, 3 s left");
  at(1_001);
  progress.reading({ sequence: 26, last: 100 });
  expect(shown()).toContain("@25");
  progress.end();
  expect(shown()).toBe("");
  at(9_000);
  progress.reading({ sequence: 90, last: 100 });
  expect(shown()).toBe("");
});

it("is nothing where there is no terminal", () => {
  const { progress, shown, at } = onTerminal(false);
  at(1_000);
  progress.show(() => "reading");
  progress.end();
  expect(shown()).toBe("");
});
