import { describe, expect, it } from "vitest";
import { LowMark, Want } from "./hysteresis.ts";

describe("an amount with a low mark", () => {
  it("becomes low once below the mark, and again only after it was a quarter above", () => {
    const mark = new LowMark();
    const told = [120, 100, 99, 101, 99, 124, 50, 125, 100, 99].map((amount) =>
      mark.update(amount, 100),
    );
    expect(told.map(Number)).toEqual([0, 0, 1, 0, 0, 0, 0, 0, 0, 1]);
  });

  it("is never low twice without having been well in between, whatever the amounts (all walks of six steps)", () => {
    const amounts = [99, 100, 124, 125, 200];
    const walk = (mark: LowMark, steps: readonly number[]): void => {
      let wasWell = true;
      for (const amount of steps) {
        const isTold = mark.update(amount, 100);
        expect(isTold).toBe(wasWell && amount < 100);
        if (isTold) wasWell = false;
        if (amount >= 125) wasWell = true;
        expect(mark.isLow).toBe(!wasWell);
      }
    };
    for (let code = 0; code < amounts.length ** 6; code += 1) {
      const steps = Array.from(
        { length: 6 },
        (_, at) => amounts[Math.floor(code / amounts.length ** at) % amounts.length] ?? 0,
      );
      walk(new LowMark(), steps);
    }
  });
});

describe("a want of several parts", () => {
  it("begins once, and is over when each part has had what it wanted", () => {
    const want = new Want<string>();
    expect([want.begin("log", 10), want.begin("log", 10), want.begin("mirrors", 1)]).toEqual([
      true,
      false,
      false,
    ]);
    want.had("log", 4);
    want.had("mirrors", Number.POSITIVE_INFINITY);
    expect([want.isOn, want.begin("mirrors", 1)]).toEqual([true, false]);
    want.had("mirrors", 1);
    want.had("log", 5);
    expect(want.isOn).toBe(true);
    want.had("log", 1);
    expect([want.isOn, want.begin("log", 1)]).toEqual([false, true]);
    want.end();
    expect(want.isOn).toBe(false);
  });

  it("stays as large as its largest part was: what is wanted besides makes it no smaller", () => {
    const want = new Want<string>();
    want.begin("log", 10);
    want.begin("log", 2);
    want.had("log", 2);
    expect([want.isOn, want.begin("log", 10)]).toEqual([true, false]);
    want.had("log", 9);
    expect(want.isOn).toBe(true);
    want.had("log", 1);
    expect(want.isOn).toBe(false);
  });

  it("that never began is not made by what was had", () => {
    const want = new Want<string>();
    want.had("log", 5);
    expect([want.isOn, want.begin("log", 0)]).toEqual([false, true]);
    want.had("log", 0);
    expect(want.isOn).toBe(false);
  });
});
