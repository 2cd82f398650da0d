import { describe, expect, it } from "vitest";
import { PendingSlots } from "./pending-slots.ts";
import type { Slot } from "./state.ts";

const slot = (n: number): Slot => ({ value: n, n, lists: undefined, damage: undefined });

describe("pending slots", () => {
  it("are what was set last, until they are removed, however many there were", () => {
    const pending = new PendingSlots();
    for (const round of [1, 2]) {
      for (let id = 0; id < 3_000; id += 1) {
        pending.set(String(id), slot(id));
        pending.set(String(id), slot(id + round));
      }
      for (let id = 0; id < 3_000; id += 1) {
        expect(pending.get(String(id))).toEqual(slot(id + round));
        pending.remove(String(id));
        pending.remove(String(id));
        expect(pending.get(String(id))).toBe(undefined);
        const next = String(id + 1);
        expect(pending.get(next)?.n).toBe(id + 1 < 3_000 ? id + 1 + round : undefined);
      }
    }
    pending.remove("never set");
    pending.set("a", slot(1));
    expect(pending.get("a")).toEqual(slot(1));
  });
});
