/**
 * What becomes of a sequence: the table of recovery.
 *
 *     promised  valid  whole  segment     | verdict
 *     ---------------------------------------------
 *     yes       yes    -      -           | kept
 *     yes       no     -      -           | lost       acknowledged, and no line proves it
 *     no        yes    yes    -           | kept       synced or not, nothing below it is missing
 *     no        -      no     last        | torn       never promised: what a crash leaves
 *     no        -      no     earlier     | damaged    a later segment says all before it was whole
 *     no        no     yes    -           | (nothing was written there)
 *
 * `promised`: at or below D, the highest promise found anywhere. `valid`: a line for it verifies.
 * `whole`: no hole below it down to D, and its transaction is finished. A stretch that could not be
 * read is never torn: where the table says torn it becomes damaged.
 */
export interface SequenceFacts {
  readonly promised: boolean;
  readonly valid: boolean;
  readonly whole: boolean;
  readonly segment: "last" | "earlier";
  readonly readError: boolean;
}

export type Verdict = "kept" | "lost" | "torn" | "damaged" | "absent";

export const verdictOf = (facts: SequenceFacts): Verdict => {
  if (facts.promised) return facts.valid ? "kept" : "lost";
  if (facts.whole) return facts.valid ? "kept" : "absent";
  if (facts.segment === "last" && !facts.readError) return "torn";
  return "damaged";
};
