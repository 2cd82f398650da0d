/** All benchmarks, in the order in which they run. */
import type { Benchmark } from "./benchmark.ts";
import { openGrowth } from "./open-growth.ts";
import { growth } from "./p10-growth.ts";
import { oneCaller } from "./p1-one-caller.ts";
import { manyCallers } from "./p2-64-callers.ts";
import { thousandCallers } from "./p3-1000-callers.ts";
import { openLog } from "./p4-open-log.ts";
import { openSnapshot } from "./p5-open-snapshot.ts";
import { snapshotStall } from "./p6-snapshot-stall.ts";
import { logLines } from "./p7-log-lines.ts";
import { peakMemory } from "./p8-peak-memory.ts";
import { offlineAnswers } from "./p11-offline-answers.ts";
import { logBytes } from "./p9-log-bytes.ts";

export const benchmarks: readonly Benchmark[] = [
  oneCaller,
  manyCallers,
  thousandCallers,
  openLog,
  openSnapshot,
  snapshotStall,
  logLines,
  peakMemory,
  logBytes,
  growth,
  offlineAnswers,
  openGrowth,
];
