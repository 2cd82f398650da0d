import { limits } from "@taskwal/format";
import { describe, expect, it } from "vitest";

import { SettledPlace } from "./settled-place.ts";

const block = limits.blockBytes;

describe("the settled place", () => {
  it("is at least a block before one whose sequence is below D", () => {
    const places = new SettledPlace();
    expect(places.in(0, 10)).toBe(undefined);
    places.add(0, 0, 0);
    places.add(0, 5, 2 * block);
    places.add(0, 9, 3 * block - 1);
    places.add(0, 14, 5 * block);
    const found = [0, 1, 5, 6, 9, 10, 14, 15].map((durable) => places.in(0, durable));
    const second = 3 * block - 1;
    expect(found).toEqual([undefined, undefined, undefined, 0, 0, 0, 0, second]);
    expect(new Set([0, 1, 2].map((segment) => places.in(segment, 15)))).toEqual(
      new Set([second, undefined]),
    );
  });

  it("stays what it is when what is of no use is forgotten, and begins anew in each segment", () => {
    const places = new SettledPlace();
    for (let seq = 0; seq < 100; seq += 1) {
      places.add(0, seq, seq * block);
      places.trim(seq - 10);
    }
    expect([90, 95, 99].map((durable) => places.in(0, durable))).toEqual([
      88 * block,
      93 * block,
      97 * block,
    ]);
    places.add(1, 99, 0);
    expect(places.in(0, 99)).toBe(undefined);
    expect(places.in(1, 200)).toBe(undefined);
  });
});
