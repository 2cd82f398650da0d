/**
 * A trace as the engine of Chrome's DevTools reads it, in a process of its own: it wants a browser's globals.
 *
 *     FILE ─> @paulirish/trace_engine ─> {"tracks":[{"process":…,"thread":…,"slices":[{"name":…,"depth":…}]}]} on stdout
 */
import { readFileSync } from "node:fs";

globalThis.window = globalThis;
globalThis.DOMRect = function DOMRect() {};
const { Processor } = await import("@paulirish/trace_engine");

const engine = Processor.TraceProcessor.createWithAllHandlers();
await engine.parse(JSON.parse(readFileSync(process.argv[2], "utf8")), {});
const { Meta, Renderer } = engine.data;
const tracks = [...Meta.threadsInProcess].flatMap(([pid, threads]) =>
  [...threads].map(([tid, { args }]) => {
    const entries = Renderer.processes.get(pid)?.threads.get(tid)?.entries ?? [];
    return {
      process: Meta.processNames.get(pid)?.args.name,
      thread: args.name,
      slices: entries.map((entry) => ({
        name: entry.name,
        startUs: entry.ts,
        durationUs: entry.dur,
        depth: Renderer.entryToNode.get(entry)?.depth,
      })),
    };
  }),
);
console.log(JSON.stringify({ isGeneric: Meta.traceIsGeneric, tracks }));
