/**
 * Whole state directories, harmed and opened. The long run is `pnpm bench campaign fuzz-directory`; one
 * trial again: TASKWAL_FUZZ=<seed>:<trial>.
 */
import { describe, expect, it } from "vitest";
import { print } from "./corruption/tally.ts";
import { DirectoryRounds } from "./fuzz/directory-rounds.ts";

const trials = 250;
const [seed = 1, only] = (process.env["TASKWAL_FUZZ"] ?? "1").split(":").map(Number);

describe("a state directory with harmed files", () => {
  it("opens at states that it had and tells what is missing, or is refused; then it lives on", async () => {
    const rounds = new DirectoryRounds(seed);
    if (only !== undefined) {
      const { verdict, harmed } = await rounds.try(only);
      print(`${verdict}: ${harmed.what.join("; ")}`);
      return;
    }
    const counts = await rounds.run(0, trials);
    const share = (counts["sealed again"] ?? 0) / trials;
    print(
      `seed ${seed}, ${trials} trials, ${Math.round(share * 100)} % sealed again: ${JSON.stringify(counts)}`,
    );
    expect(share).toBeGreaterThan(0.3);
  });

  it.each([
    // Told as new damage: a line that verifies and repeats another, behind the end that the next header names.
    ["a line repeated behind the end of its segment", 1, 22],
    // Forgotten at the second opening: what a last segment overrode that only HEAD still named.
    ["a last segment that only HEAD names", 3, 317],
  ])("is not misled by %s", async (_, seedThen, trial) => {
    await new DirectoryRounds(seedThen).try(trial);
  });
});
