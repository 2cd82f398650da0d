import { expect, it } from "vitest";

import * as limits from "./limits.ts";

it("the limits are those of format 1", () => {
  expect({ ...limits }).toEqual({
    formatVersion: 1,
    recordBytesMax: 16_777_216,
    sequenceMax: 9_007_199_254_740_991,
    epochMax: 281_474_976_710_656,
    depthMax: 2_048,
    idBytesMax: 1_024,
    labelBytesMax: 512,
    transactionRecordsMax: 65_536,
    segmentBytesDefault: 67_108_864,
    segmentBytesMax: 1_073_741_824,
    headSlotBytes: 4_096,
    headLineBytes: 256,
    blockBytes: 4_096,
    resyncCandidatesMax: 256,
    fileStemBytesMax: 200,
    smallFileBytesMax: 1_048_576,
  });
});
