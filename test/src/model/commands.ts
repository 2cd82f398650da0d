/**
 * The commands of the model: what may happen to a store, one after the other.
 *
 *     acts ─ time ─ close and open ─ crash and open ─ disk full ─ failed sync ─ reopen ─ …
 *                                       └ power, inside a call or before it; or the process alone
 *
 * The rule: each ends with nothing under way and everything held against the reference.
 */
import * as fc from "fast-check";
import type { PowerCutChoice } from "@taskwal/disk/sim";
import { settle } from "../crash/recording.ts";
import { acts, perform, type Act } from "./acts.ts";
import { fail, type Bench } from "./bench.ts";
import { openBeside } from "./beside.ts";
import type { Reference } from "./reference.ts";

export type Command = fc.AsyncCommand<Reference, Bench, true>;

/** What is drawn for a command; its text is what a failure prints. */
interface Drawn {
  readonly name: string;
}

const command = <T extends object>(
  name: string,
  drawn: T,
  run: (bench: Bench, drawn: T) => Promise<void>,
): Command & Drawn => ({
  name,
  check: async () => true,
  run: async (_, bench) => {
    bench.options.count(`: ${name}`);
    await run(bench, drawn);
  },
  toString: () =>
    `${name} ${JSON.stringify(drawn, (_key, value: unknown) => (Object.is(value, -0) ? "-0" : value))}`,
});

const assertLossless = (bench: Bench, mayBeTorn: boolean): void => {
  const { recovery } = bench.store;
  const { lost, damaged, skipped, notes, quarantined, torn } = recovery;
  if (lost.length + damaged.length + skipped.length + notes.length > 0)
    fail("I3 a crash loses and damages nothing", recovery.toText());
  if (quarantined.length !== torn.length || (!mayBeTorn && torn.length > 0))
    fail("the report tells of torn bytes only, where there may be some", recovery.toText());
};

const assertBefore = (bench: Bench, before: "closed" | "crashed"): void => {
  const { recovery } = bench.store;
  if (recovery.before !== before) fail(`the report says that it was ${before}`, recovery.toText());
  if (before === "closed" && !recovery.clean)
    fail("after a close the report is clean", recovery.toText());
};

/** Opens after a crash; the power may fail again inside the opening. */
const openAgain = async (
  bench: Bench,
  least: number,
  { nested, cut }: { readonly nested: number; readonly cut: PowerCutChoice },
): Promise<void> => {
  const { sim } = bench;
  if (nested > 0) {
    sim.crashAt(sim.callCount + nested);
    const process = sim.process();
    await Promise.race([openBeside(bench, process).catch(() => undefined), sim.whenCrashed]);
    sim.cancelCrash();
    sim.powerCut(cut);
    bench.options.count("crash inside an opening");
  }
  await bench.open(least);
  assertLossless(bench, true);
};

const close = async (bench: Bench, list: readonly Act[]): Promise<void> => {
  const work = perform(bench, list);
  bench.life.isClosing = true;
  await bench.store.close();
  await work;
  bench.closed();
};

const closeAndOpen = (drawn: { readonly acts: readonly Act[] }): Command =>
  command("close", drawn, async (bench) => {
    const wasDead = bench.store.poisoned !== undefined;
    const unheard = drawn.acts.filter((act) => !act.isAwaited && act.turns === 0);
    await (wasDead ? bench.store.close() : close(bench, unheard));
    bench.end();
    const least = wasDead ? bench.reference.durableCount : bench.reference.visible.length;
    if (!wasDead) bench.checkSnapshots();
    await bench.open(least);
    assertLossless(bench, wasDead);
    assertBefore(bench, wasDead ? "crashed" : "closed");
  });

interface Crash {
  readonly acts: readonly Act[];
  readonly ending: "nothing" | "snapshot" | "close" | "reopen";
  /** How many calls of the disk later. */
  readonly calls: number;
  readonly how: "power before" | "power inside" | "kill";
  readonly cut: PowerCutChoice;
  readonly nested: number;
}

/** Ends the process at a call of the disk, once that has had its effect. */
const killAt = (bench: Bench, calls: number): Promise<void> =>
  new Promise((resolve) => {
    let left = calls;
    const stop = bench.sim.fail(
      ({ number, process }) => {
        if (number !== undefined && process === bench.life.process.name) left -= 1;
        if (left === 0) {
          bench.kill();
          stop();
          resolve();
        }
        return false;
      },
      "EIO",
      { times: "forever" },
    );
    bench.onEnd(stop);
  });

const crash = (drawn: Crash): Command =>
  command("crash", drawn, async (bench, { acts: list, ending, calls, how, cut, nested }) => {
    const { sim, store, reference } = bench;
    const crashed = how === "kill" ? killAt(bench, calls) : sim.whenCrashed.then(() => bench.end());
    if (how !== "kill") sim.crashAt(sim.callCount + calls, { inside: how === "power inside" });
    const work = perform(bench, list).then(async () => {
      if (ending !== "nothing" && bench.isOpen) await store[ending]().catch(() => undefined);
    });
    await Promise.race([work, crashed]);
    bench.throwFound();
    if (!bench.life.isOver) bench.kill();
    bench.stop();
    sim.cancelCrash();
    const least =
      how === "kill" && nested === 0 ? reference.visible.length : reference.durableCount;
    if (how !== "kill") sim.powerCut(cut);
    await openAgain(bench, least, { nested, cut });
  });

const passTime = (drawn: { readonly ms: number }): Command =>
  command("time", drawn, async (bench, { ms }) => {
    const { sim, store, reference } = bench;
    sim.clock.advance(ms);
    await settle(sim);
    // What is visible is synced within a second.
    if (ms >= 1_000 && !store.poisoned) reference.promise(reference.visible.length);
    if (
      ms >= 1_000 &&
      !store.poisoned &&
      reference.countAt(store.sequence) < reference.visible.length
    )
      fail("what is visible is durable within a second", { durable: store.sequence });
    bench.settled("after some time");
  });

interface Full {
  readonly acts: readonly Act[];
  readonly roomBytes: number;
}

const diskFull = (drawn: Full): Command =>
  command("disk full", drawn, async (bench, { acts: list, roomBytes }) => {
    const { sim } = bench;
    if (bench.store.poisoned) return;
    sim.capacityBytes = sim.usedBytes + roomBytes;
    bench.isFaulty = true;
    bench.wasFull = true;
    await perform(bench, list);
    bench.settled("with a full disk");
    // A flushSync cannot take back what it wrote half: it is for exits.
    if (bench.store.poisoned && !list.some(({ kind }) => kind.startsWith("flushSync")))
      fail("I13 a full disk poisons nobody", String(bench.store.poisoned));
    sim.capacityBytes = undefined;
    bench.isFaulty = false;
    bench.settled("with room again");
  });

interface Failing {
  readonly acts: readonly Act[];
  /** The so-many-th sync of the log from now. */
  readonly nth: number;
  readonly afterSync: "clean" | "revert";
  readonly reopens: boolean;
}

const failedSync = (drawn: Failing): Command =>
  command("failed sync", drawn, async (bench, { acts: list, nth, afterSync, reopens }) => {
    const { sim, store } = bench;
    let left = nth;
    const repair = sim.fail(
      ({ kind, path }) => kind === "sync" && path.includes("/wal/0") && (left -= 1) === 0,
      "EIO",
      { afterSync },
    );
    bench.isFaulty = true;
    await perform(bench, list);
    bench.settled("with a sync that fails");
    // What a flushSync did again may come to its end late, and fail: the writer is dead from then on, not before.
    await settle(sim);
    repair();
    const { poisoned } = store;
    if (poisoned) {
      bench.options.count("poisoned");
      await assertDead(bench);
    }
    bench.isFaulty = false;
    if (reopens || !poisoned) await reopen(bench);
  });

/** I6: the same error for everyone, and nothing is written. */
const assertDead = async ({ store, sim }: Bench): Promise<void> => {
  // HEAD may still be told of what was durable before.
  await settle(sim);
  const before = sim.callCount;
  const errors = [
    await store.flush().catch((error: unknown) => error),
    await store.snapshot().catch((error: unknown) => error),
    await store.notes
      .mutate("a", "note.created", { title: "late" })
      .catch((error: unknown) => error),
    attempt(() => store.flushSync()),
  ];
  const dead = store.poisoned;
  // Where the newest snapshot has all that is durable, there is nothing to take.
  if (errors[1] === store.sequence) errors[1] = dead;
  for (const [at, error] of errors.entries()) {
    if (error !== dead)
      fail("I6 a dead writer says the same to everyone", `${at}: ${String(error)}`);
  }
  if (sim.callCount !== before) fail("I6 a dead writer writes nothing", sim.trace.slice(before));
};

const attempt = (work: () => void): unknown => {
  try {
    work();
    return undefined;
  } catch (error) {
    return error;
  }
};

const reopen = async (bench: Bench): Promise<void> => {
  const { store, reference } = bench;
  const wasDead = store.poisoned !== undefined;
  const report = await store.reopen();
  if (report !== store.recovery) fail("reopen() resolves with its report", report);
  await bench.recovered(wasDead ? reference.durableCount : reference.visible.length);
  assertLossless(bench, wasDead);
  if (!wasDead) assertBefore(bench, "closed");
};

const reopenCommand = (): Command => command("reopen", {}, reopen);

const actsCommand = (drawn: { readonly acts: readonly Act[] }): Command =>
  command("acts", drawn, async (bench) => {
    await perform(bench, drawn.acts);
    bench.settled("after acts");
    if (bench.store.poisoned) return;
    if (drawn.acts.some(({ kind }) => kind === "snapshot" || kind === "compact"))
      bench.checkSnapshots();
    if (drawn.acts.some(({ kind }) => kind === "records")) await bench.checkRecords();
  });

const some = acts({ minLength: 1, maxLength: 6 });
const few = acts({ maxLength: 5 });
const cut = fc.constantFrom<PowerCutChoice>("none", "all", "random", "random");

/** Up to so many of them, in any order. */
export const commands = (
  maxCommands: number,
  replayPath: string | undefined,
): fc.Arbitrary<Iterable<Command>> => {
  const oneActs = fc.record({ acts: some }).map(actsCommand);
  return fc.commands<Reference, Bench, true>(
    [
      oneActs,
      oneActs,
      oneActs,
      oneActs,
      oneActs,
      oneActs,
      fc.record({ ms: fc.constantFrom(10, 60, 1_100, 31_000) }).map(passTime),
      fc.record({ acts: few }).map(closeAndOpen),
      fc
        .record<Crash>({
          acts: few,
          ending: fc.constantFrom("nothing", "nothing", "snapshot", "close", "reopen"),
          calls: fc.integer({ min: 1, max: 40 }),
          how: fc.constantFrom("power before", "power inside", "kill"),
          cut,
          nested: fc.oneof(
            { weight: 3, arbitrary: fc.constant(0) },
            { weight: 1, arbitrary: fc.integer({ min: 1, max: 30 }) },
          ),
        })
        .map(crash),
      fc.record<Full>({ acts: some, roomBytes: fc.constantFrom(0, 40, 150, 400) }).map(diskFull),
      fc
        .record<Failing>({
          acts: some,
          nth: fc.integer({ min: 1, max: 4 }),
          afterSync: fc.constantFrom("clean", "revert"),
          reopens: fc.boolean(),
        })
        .map(failedSync),
      fc.constant(undefined).map(reopenCommand),
    ],
    { maxCommands, size: "max", ...(replayPath === undefined ? {} : { replayPath }) },
  );
};
