/** Whole state directories, harmed in every way that files are harmed, opened and lived on. */
import { DirectoryRounds } from "../fuzz/directory-rounds.ts";
import type { Campaign } from "./campaign.ts";

const trials = 2_000;
const stretch = 100;

export const fuzzDirectoryCampaign: Campaign = {
  name: "fuzz-directory",
  what: "state directories changed, swapped, misdirected, restored; two in five with checksums right again",
  promises: [2, 3, 10, 15],
  test: {
    file: "test/src/fuzz-directory.test.ts",
    name: "opens at states that it had and tells what is missing, or is refused; then it lives on",
  },
  round: async ({ seed, see, progress }) => {
    const rounds = new DirectoryRounds(seed);
    const counts: Record<string, number> = {};
    for (let from = 0; from < trials; from += stretch) {
      for (const [name, count] of Object.entries(await rounds.run(from, from + stretch, see)))
        counts[name] = (counts[name] ?? 0) + count;
      progress(from + stretch);
    }
    return { trials, counts };
  },
};
