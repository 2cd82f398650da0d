/**
 * A state file that an end may take, on the simulated disk: wherever the power fails, it is there again.
 */
import { guardState } from "@taskwal/agentapi-bridge";
import { createSimDisk, type SimDisk } from "@taskwal/disk/sim";
import { describe, expect, it } from "vitest";

import { stateOf } from "./shutdown-command.ts";

const path = "/module/agentapi-state.json";
const old = stateOf("Hello", "go on", "Done.");
const boot = stateOf("loading model weights");
const longer = stateOf("Hello", "go on", "Done.", "thanks", "Bye.");

const diskWith = (file: Uint8Array | undefined): SimDisk => {
  const sim = createSimDisk();
  if (file) sim.writeRaw(path, file);
  return sim;
};

const textOf = (sim: SimDisk, name: string): string | undefined =>
  sim.listRaw().includes(name) ? Buffer.from(sim.readRaw(name)).toString() : undefined;

describe("a guard of a state file", () => {
  it.each<[string, Uint8Array, Uint8Array | undefined, Uint8Array, string]>([
    ["what agentapi went on with", old, longer, longer, "kept"],
    ["what nobody touched", old, old, old, "kept"],
    ["the old one, where a boot screen replaced it", old, boot, old, "restored"],
    [
      "the old one, where bytes that are no state replaced it",
      old,
      Buffer.from("{"),
      old,
      "restored",
    ],
    ["the old one, where it is gone", old, undefined, old, "restored"],
  ])("leaves %s", async (_, before, after, left, outcome) => {
    const sim = diskWith(before);
    const guard = await guardState(sim.process(), path);
    if (after) sim.writeRaw(path, after);
    else sim.removeRaw(path);
    expect(await guard.restore()).toBe(outcome);
    expect(textOf(sim, path)).toBe(Buffer.from(left).toString());
    const isAside = outcome === "restored" && after !== undefined;
    expect(textOf(sim, `${path}.replaced`)).toBe(
      isAside ? Buffer.from(after).toString() : undefined,
    );
    expect(textOf(sim, `${path}.kept`)).toBe(undefined);
  });

  it("leaves another conversation that was begun meanwhile, and sets the old one aside", async () => {
    const another = stateOf("loading model weights", "hello", "Hello!");
    const sim = diskWith(old);
    const guard = await guardState(sim.process(), path);
    sim.writeRaw(path, another);
    expect(await guard.restore()).toBe("kept");
    expect(textOf(sim, path)).toBe(another.toString());
    expect(textOf(sim, `${path}.replaced`)).toBe(old.toString());
    // So does one whose copy was left by a guard that was killed.
    sim.writeRaw(`${path}.kept`, longer);
    expect(await (await guardState(sim.process(), path)).restore()).toBe("kept");
    expect(textOf(sim, path)).toBe(another.toString());
    expect(textOf(sim, `${path}.replaced`)).toBe(longer.toString());
  });

  it("sets bytes aside that are no whole state, when agentapi writes over them", async () => {
    const torn = old.subarray(0, 60);
    const sim = diskWith(torn);
    const guard = await guardState(sim.process(), path);
    sim.writeRaw(path, boot);
    expect([guard.messages, await guard.restore()]).toEqual([undefined, "kept"]);
    expect(textOf(sim, path)).toBe(boot.toString());
    expect(textOf(sim, `${path}.replaced`)).toBe(torn.toString());
  });

  it("that is killed at any step is made good by the next one", async () => {
    const sim = diskWith(old);
    const began = sim.snapshotState();
    for (let calls = 1; ; calls += 1) {
      sim.restore(began);
      sim.crashAt(sim.callCount + calls);
      const whole = guardState(sim.process(), path).then(async (guard) => {
        sim.writeRaw(path, boot);
        await guard.restore();
        return "done";
      });
      const outcome = await Promise.race([whole, sim.whenCrashed.then(() => "crashed")]);
      sim.cancelCrash();
      sim.powerCut("none");
      await (await guardState(sim.process(), path)).restore();
      expect(textOf(sim, path), `crash at call ${calls}`).toBe(old.toString());
      expect(textOf(sim, `${path}.kept`)).toBe(undefined);
      if (outcome === "done") break;
    }
  });
});
