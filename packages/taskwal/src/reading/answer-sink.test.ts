import { PassThrough } from "node:stream";
import { expect, it } from "vitest";
import { openTerminal } from "../terminal.ts";
import { openAnswerSink } from "./answer-sink.ts";

it("a moving line on the same terminal goes before the first line of an answer comes", async () => {
  for (const [isTTY, json] of [
    [false, true],
    [false, false],
    [true, false],
  ] as const) {
    const said: string[] = [];
    const out = Object.assign(new PassThrough(), {
      isTTY,
      rows: 24,
    }) as unknown as NodeJS.WriteStream;
    out.on("data", (piece: Buffer) => said.push(piece.toString()));
    const sink = openAnswerSink(out, openTerminal(out), { json, pager: true }, () =>
      said.push("end"),
    );
    await sink.text("a line");
    await sink.json("end", {});
    await sink.end();
    expect(said[0]).toBe("end");
    expect(said.length).toBeGreaterThan(1);
  }
});
