/** Bytes that almost read, through every function that reads what is on the disk. */
import { DecoderRounds } from "../fuzz/decoder-rounds.ts";
import type { Campaign } from "./campaign.ts";

const inputs = 200_000;
const stretch = 10_000;

export const fuzzDecodersCampaign: Campaign = {
  name: "fuzz-decoders",
  what: "changed lines, segments, HEADs, snapshots, legacy files; two in five with the checksum right again",
  promises: [3, 15, 17],
  test: {
    file: "test/src/fuzz-decoders.test.ts",
    name: "end in what they say, in a bad stretch or in a refusal: nothing is invented, nothing else is thrown",
  },
  round: async ({ seed, progress }) => {
    const rounds = await DecoderRounds.begin(seed);
    const counts: Record<string, number> = {};
    for (let from = 0; from < inputs; from += stretch) {
      for (const [name, count] of Object.entries(await rounds.run(from, from + stretch)))
        counts[name] = (counts[name] ?? 0) + count;
      progress(from + stretch);
    }
    return { trials: inputs, counts };
  },
};
