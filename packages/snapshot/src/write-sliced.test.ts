/** How text is written: which writes, and when others have their turn. */
import type { Clock, File } from "@taskwal/disk";
import { createSimDisk } from "@taskwal/disk/sim";
import { sha256 } from "@taskwal/format";
import { describe, expect, it } from "vitest";
import { writeSliced, type WrittenText } from "./write-sliced.ts";

interface Outcome {
  readonly written: WrittenText;
  readonly text: string;
  readonly writeBytes: readonly number[];
  /** After how many fragments others had a turn. */
  readonly turns: readonly number[];
}

/** Each fragment takes `fragmentMs` to come. */
const write = async (texts: readonly string[], fragmentMs = 0, sliceMs = 4): Promise<Outcome> => {
  const sim = createSimDisk();
  const process = sim.process();
  const directory = await process.createDirectory("/d");
  const file: File = await directory.create("x");
  const turns: number[] = [];
  let given = 0;
  function* fragments(): Generator<string> {
    for (const text of texts) {
      sim.clock.advance(fragmentMs);
      given += 1;
      yield text;
    }
  }
  const clock: Clock = {
    now: () => sim.clock.now(),
    monotonicMs: () => sim.clock.monotonicMs(),
    schedule: (delayMs, run) => sim.clock.schedule(delayMs, run),
    holdProcess: () => sim.clock.holdProcess(),
    yield: () => {
      turns.push(given);
      return sim.clock.yield();
    },
  };
  const written = await writeSliced(file, fragments(), (hex) => `[${hex}]`, { clock, sliceMs });
  await file.close();
  const writes = sim.trace.filter(({ kind }) => kind === "write");
  return {
    written,
    text: Buffer.from(sim.readRaw("/d/x")).toString(),
    writeBytes: writes.map(({ startBytes = 0, endBytes = 0 }) => endBytes - startBytes),
    turns,
  };
};

describe("text that is written in slices", () => {
  it("is all there in order, with the end made from its hash, and its size counted in bytes", async () => {
    for (const texts of [[], [""], ["é"], ["a", "", "𝄞", "b".repeat(200_000), "c"]]) {
      const whole = texts.join("");
      const hex = sha256().update(Buffer.from(whole)).digest("hex");
      const { written, text } = await write(texts);
      expect(text === `${whole}[${hex}]`).toBe(true);
      expect(written).toEqual({ sizeBytes: Buffer.byteLength(text), sha256: hex });
    }
  });

  it("is gathered to about 64 KiB a write, and never more than a fragment above", async () => {
    const endBytes = 66;
    const { writeBytes } = await write(Array.from({ length: 300 }, () => "x".repeat(1_000)));
    expect(writeBytes).toEqual([66_000, 66_000, 66_000, 66_000, 36_000, endBytes]);
  });

  it("gives others a turn as soon as more than a slice has passed since the last, and no sooner", async () => {
    const texts = Array.from({ length: 12 }, () => "x");
    expect((await write(texts, 0)).turns).toEqual([]);
    expect((await write(texts, 1, 4)).turns).toEqual([5, 10]);
    expect((await write(texts, 10, 4)).turns).toEqual(texts.map((_, at) => at + 1));
  });
});
