/**
 * Decoders and bytes that almost read. The long run is `pnpm bench campaign fuzz-decoders`; one input
 * again: TASKWAL_FUZZ=<seed>:<input>.
 */
import { describe, expect, it } from "vitest";
import { print } from "./corruption/tally.ts";
import { DecoderRounds } from "./fuzz/decoder-rounds.ts";

const inputs = 40_000;
const [seed = 1, only] = (process.env["TASKWAL_FUZZ"] ?? "1").split(":").map(Number);

describe("bytes that almost read", () => {
  it("end in what they say, in a bad stretch or in a refusal: nothing is invented, nothing else is thrown", async () => {
    const rounds = await DecoderRounds.begin(seed);
    if (only !== undefined) {
      print(JSON.stringify(await rounds.try(only)));
      return;
    }
    const counts = await rounds.run(0, inputs);
    const share = (counts["sealed again"] ?? 0) / inputs;
    print(
      `seed ${seed}, ${inputs} inputs, ${Math.round(share * 100)} % sealed again: ${JSON.stringify(counts)}`,
    );
    expect(share).toBeGreaterThan(0.3);
  });
});
