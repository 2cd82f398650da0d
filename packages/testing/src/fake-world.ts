/**
 * Runs a function in a world where the time and all chance are what we say.
 *
 *     world "one"   Date.now() 2001-09-09   Math.random() 0.125…   crypto.randomUUID() 11111111-…
 *     world "two"   Date.now() 2033-05-18   Math.random() 0.875…   crypto.randomUUID() 22222222-…
 *
 * A function that gives the same in both asked for none of it. The rule: synchronous only, and all is put
 * back before anything else runs.
 */
import { performance } from "node:perf_hooks";

export type World = "one" | "two";

const facts = {
  one: { at: 1_000_000_000_123, share: 0.125, digit: "1" },
  two: { at: 2_000_000_000_456, share: 0.875, digit: "2" },
} as const;

/** A property of a global object, and what stands there meanwhile. */
type Fake = readonly [owner: object, key: string, value: unknown];

const fakesOf = (world: World): readonly Fake[] => {
  const { at, share, digit } = facts[world];
  const uuid = (): string => "xxxxxxxx-xxxx-4xxx-8xxx-xxxxxxxxxxxx".replaceAll("x", digit);
  // Chance that goes on, so that a loop "until it is another one" ends.
  let count = 0;
  const random = (): number => (share + 0.001 * count++) % 1;
  return [
    [globalThis, "Date", fakeDate(at)],
    [Math, "random", random],
    [performance, "now", () => at / 1_000],
    [process, "hrtime", Object.assign(() => [at / 1_000, 0], { bigint: () => BigInt(at) })],
    [globalThis.crypto, "randomUUID", uuid],
    [
      globalThis.crypto,
      "getRandomValues",
      <A extends ArrayBufferView>(array: A): A => {
        new Uint8Array(array.buffer, array.byteOffset, array.byteLength).fill(Number(digit));
        return array;
      },
    ],
  ];
};

const fakeDate = (at: number): DateConstructor =>
  new Proxy(Date, {
    construct: (target, args: unknown[], newTarget) =>
      Reflect.construct(target, args.length === 0 ? [at] : args, newTarget) as object,
    apply: () => new Date(at).toString(),
    get: (target, key, receiver): unknown =>
      key === "now" ? () => at : Reflect.get(target, key, receiver),
  });

/** What `work` returns; what it throws passes through. */
export const inWorld = <Result>(world: World, work: () => Result): Result => {
  const restores = fakesOf(world).map(([owner, key, value]) => {
    const before = Object.getOwnPropertyDescriptor(owner, key);
    Object.defineProperty(owner, key, { value, configurable: true, writable: true });
    return () =>
      before ? Object.defineProperty(owner, key, before) : Reflect.deleteProperty(owner, key);
  });
  try {
    return work();
  } finally {
    for (const restore of restores.toReversed()) restore();
  }
};
