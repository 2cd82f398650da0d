/** What a result was measured on, and with: without it a figure means nothing. */
import { cpus, totalmem } from "node:os";
import type { DiskLatency } from "./disk-latency.ts";

export const machineOf = (fileSystem: string): string => {
  const cpu = cpus();
  const memory = `${Math.round(totalmem() / 2 ** 30)} GiB`;
  return `Node ${process.version}, ${process.platform} ${process.arch}, ${cpu.length} × ${cpu[0]?.model ?? "?"}, ${memory}, ${fileSystem}`;
};

export const latencyText = ({ p50Ms, p99Ms, syncs }: DiskLatency): string =>
  `fdatasync of 4 KiB: p50 ${p50Ms.toFixed(3)} ms, p99 ${p99Ms.toFixed(3)} ms (${syncs} times)`;
