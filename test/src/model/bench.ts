/**
 * A store on a simulated disk with the reference beside it.
 *
 *     make(asked) ─> forecast ─> the call ─> event: visible? durable as asked? ─> answer: the same?
 *     settled()   ─> every refusal was due, and nothing else is shown
 *
 * The rule: what a store that is dead still says counts for nothing; all else is held against the
 * reference at once.
 */
import {
  createSimDisk,
  type SimDisk,
  type SimProcess,
  type UnsyncedWrite,
} from "@taskwal/disk/sim";
import type { RecoveryReport } from "taskwal";
import { Broken } from "../crash/inspect.ts";
import { sameValue, type Change, type Dump } from "../crash/ledger.ts";
import {
  call as callStore,
  dumpNotes,
  openNotes,
  type Engine,
  type NoteOptions,
  type NoteStore,
} from "../crash/note-store.ts";
import { worthOf, type Asked } from "./asked.ts";
import { checkRecords, checkSnapshots } from "./disk-check.ts";
import { Life } from "./life.ts";
import { checkRefusals } from "./refusals.ts";
import { Reference, type MutationFacts, type Waiting } from "./reference.ts";

export const noteIds = ["a", "b", "c", "d"];
export const tallyIds = ["x", "y"];

export interface BenchOptions {
  readonly engine: Engine;
  readonly seed: number;
  readonly options: NoteOptions;
  readonly mirrors: boolean;
  readonly count: (what: string) => void;
}

export const fail = (invariant: string, details: unknown): never => {
  throw new Broken(invariant, typeof details === "string" ? details : JSON.stringify(details));
};

interface Faces {
  readonly code?: string;
  readonly outcome?: string;
}

export class Bench {
  readonly sim: SimDisk;
  readonly reference = new Reference();
  readonly options: BenchOptions;
  /** What was found wrong inside a listener or an answer, where nobody can throw. */
  readonly found: unknown[] = [];
  /** While a disk fails, refusals by the disk are answers. */
  isFaulty = false;
  /** A full disk may have refused a promise's place in HEAD: a reader beside then shows less for a while. */
  wasFull = false;
  /** Digests by what they are of: equal states have equal digests, and no others do. */
  readonly #digests = new Map<Dump, string>();
  #life: Life | undefined;
  #tag = 0;

  constructor(options: BenchOptions) {
    this.options = options;
    this.sim = createSimDisk({ seed: options.seed });
  }

  get life(): Life {
    return this.#life ?? fail("the harness", "the store is not open");
  }

  get store(): NoteStore {
    return this.life.store;
  }

  get isOpen(): boolean {
    return this.#life !== undefined && !this.#life.isOver;
  }

  nextTag(): number {
    return (this.#tag += 1);
  }

  dump(): Dump {
    return dumpNotes(this.store, noteIds);
  }

  /** Opens in a new process, and holds what is found against what may be found. */
  async open(least: number): Promise<RecoveryReport> {
    const { engine, mirrors, options } = this.options;
    const process = this.sim.process();
    const store = await openNotes(engine, process, mirrors, options);
    const life = new Life(store, process);
    this.#life = life;
    this.#listen(life);
    await this.recovered(least);
    return store.recovery;
  }

  /** After an opening: what is there is what happened. */
  async recovered(least: number): Promise<void> {
    this.refusals.clear();
    this.reference.recover(this.dump(), least);
    await checkRecords(this.store, this.reference);
    this.look("after an opening");
  }

  #listen(life: Life): void {
    const guard =
      <T>(work: (facts: T) => void) =>
      (facts: T): void => {
        if (life.isOver) return;
        try {
          work(facts);
        } catch (error) {
          this.found.push(error);
        }
      };
    life.store.on(
      "mutation",
      guard((event: MutationFacts) => this.#saw(event)),
    );
    life.store.on(
      "poisoned",
      guard(({ takenBack }: { readonly takenBack: readonly number[] }) => {
        const expected = this.reference.die(life.store.sequence);
        if (!sameValue([...takenBack], expected))
          fail("I6 what is taken back is named", { takenBack, expected });
      }),
    );
    life.store.on(
      "listener:error",
      guard((facts) => fail("the harness", JSON.stringify(facts))),
    );
  }

  #saw(event: MutationFacts): void {
    const { asked } = this.reference.saw(event);
    if (asked.durability === "written" || event.type === "note.deleted") return;
    // Of this life's segments: an older one may have a torn end for ever.
    const epoch = String(this.store.recovery.epoch).padStart(8, "0");
    const open = this.sim
      .unsynced()
      .find(
        (one) =>
          one.kind === "write" &&
          one.path.endsWith(`-${epoch}.jsonl`) &&
          this.#firstIn(one) <= event.sequence,
      );
    if (open)
      fail("I5 nothing is shown before it is as durable as its caller asked", { event, open });
  }

  /**
   * The lowest sequence in the bytes, Infinity without one. Behind records that are durable and not shown yet an idle
   * marker may be under way, or what a flushSync wrote of a later record: campaigns took each for one of them.
   */
  #firstIn({ path, startBytes, endBytes }: UnsyncedWrite): number {
    const text = Buffer.from(this.sim.readRaw(path).subarray(startBytes, endBytes)).toString();
    return Math.min(...[...text.matchAll(/"seq":(\d+)/g)].map(([, seq]) => Number(seq)));
  }

  /** Makes one call. Its promise never rejects; what is wrong with the answer goes to `found`. */
  make(given: Asked, signal?: AbortSignal): { call: Waiting; done: Promise<void> } {
    const { life, reference } = this;
    const asked = reference.isUnsure(given.key) ? { ...given, key: undefined } : given;
    const { store } = life;
    const condition = life.isOver
      ? "closed"
      : store.poisoned
        ? "dead"
        : signal?.aborted
          ? "aborted"
          : "open";
    const call = reference.ask(asked, condition);
    const answered = (work: () => void): void => {
      if (this.#life !== life || life.isOver) return;
      try {
        work();
      } catch (error) {
        this.found.push(error);
      }
    };
    const done = this.#begin(store, asked, signal).then(
      (receipt) => answered(() => this.#answered(call, receipt)),
      (error: unknown) => answered(() => this.#refused(call, error)),
    );
    return { call, done };
  }

  #begin(store: NoteStore, asked: Asked, signal: AbortSignal | undefined): Promise<unknown> {
    const { durability, key, expected, changes, isTransaction } = asked;
    const options = {
      durability,
      ...(key === undefined ? {} : { key }),
      ...(signal ? { signal } : {}),
    };
    if (isTransaction) {
      return store.transact((tx) => changes.map((change) => callStore(tx, change)), options);
    }
    const [change] = changes as readonly [Change];
    return callStore(store, change, { ...options, expectedVersion: expected }) as Promise<unknown>;
  }

  #answered(call: Waiting, receipt: unknown): void {
    const { asked, forecast } = call;
    this.options.count("answered");
    if (forecast === "known" && !call.entry) {
      call.outcome = "answered";
      this.#answeredAgain(call, receipt);
      return;
    }
    const { sequence } = (asked.isTransaction ? {} : receipt) as { sequence?: number };
    if (sequence !== undefined && !call.entry?.sequences?.includes(sequence)) {
      const other = this.reference.entryAt(sequence)?.call;
      if (other && other.outcome === "open") this.reference.exchange(call, other);
    }
    const { entry } = call;
    if (!entry?.sequences) fail("I5 what is answered is visible", { asked, receipt });
    else {
      const earlier = this.reference.visible.find(
        (one) => one !== entry && !one.isAnswered && one.sequences![0]! < entry.sequences![0]!,
      );
      if (earlier)
        fail("I5 promises settle in the order of the calls", { asked, earlier: earlier.asked });
      entry.isAnswered = true;
      const worth = entry.steps.map(worthOf);
      const [step] = entry.steps;
      const expected = asked.isTransaction
        ? worth
        : { value: worth[0], version: step?.after.version, sequence: entry.sequences[0] };
      // Open: `work` is not run again when a call before it is cancelled; it may have returned what was.
      const before = this.reference.waiting.filter(({ order }) => order < call.order);
      const isOlder = asked.isTransaction && before.some(({ isAborted }) => isAborted);
      if (isOlder && !sameValue(receipt, expected))
        this.options.count("a transaction returned what was cancelled before it");
      else if (!sameValue(receipt, expected))
        fail("a receipt is what the reference says", { asked, receipt, expected });
      if (asked.durability === "synced")
        this.reference.promise(this.reference.visible.indexOf(entry) + 1);
    }
    call.outcome = "answered";
  }

  /** With a key that is known: the result of the first time, whatever the entity is now. */
  #answeredAgain({ asked }: Waiting, receipt: unknown): void {
    this.options.count("answered again by its key");
    const first = this.reference.visible.findLast(({ asked: { key } }) => key === asked.key);
    // It was when it was told so; a dead writer has taken it back since.
    const { unknown } = this.reference;
    if (!first && this.store.poisoned && unknown.some(({ key }) => key === asked.key)) return;
    if (!first) fail("I21 a known key is a call that happened", asked);
    else if (asked.isTransaction) {
      if (receipt !== undefined)
        fail("a transaction with a known key is not run", { asked, receipt });
    } else {
      const { version, sequence } = receipt as { version: number; sequence: number };
      const expected = [first.steps[0]?.after.version, first.sequences?.[0]];
      if (!sameValue([version, sequence], expected))
        fail("a repeated call has the result it had", { asked, receipt, expected });
    }
  }

  #refused(call: Waiting, error: unknown): void {
    call.outcome = "refused";
    const { code = "", outcome } = error as Faces;
    this.options.count(`refused ${outcome ?? (code || (error as Error).name)}`);
    if (call.entry) {
      const twin = this.reference.waiting.find(
        (other) =>
          other.outcome === "open" &&
          !other.entry &&
          sameValue(other.asked.changes, call.asked.changes),
      );
      if (twin) this.reference.exchange(call, twin);
      else fail("I5 what is visible is not refused", { asked: call.asked, error: String(error) });
    }
    this.refusals.set(call, error);
  }

  /** Processes of those who look on. */
  readonly beside = new Set<SimProcess>();

  readonly refusals = new Map<Waiting, unknown>();

  /** At the end of a command: every refusal was due; what is shown is what the reference shows. */
  settled(where: string): void {
    this.throwFound();
    checkRefusals(this.reference, this.refusals, this.isFaulty, this.store.poisoned);
    this.refusals.clear();
    this.reference.waiting = [];
    this.look(where);
  }

  /** What the store shows now, against what the reference shows. */
  look(where: string): void {
    const dump = this.dump();
    if (dump !== this.reference.dump)
      fail(
        "I5 what is shown is what was answered",
        `${where}:\n${dump}\n-- not --\n${this.reference.dump}`,
      );
    const digest = this.store.digest();
    const known = this.#digests.get(dump);
    if (known === undefined) {
      if ([...this.#digests.values()].includes(digest))
        fail("I16 other states have other digests", dump);
      this.#digests.set(dump, digest);
    } else if (known !== digest) fail("I16 the same state has the same digest", dump);
    this.promised(this.store.sequence);
  }

  /** The store has said that all up to here is durable. */
  promised(sequence: number): void {
    this.reference.promise(this.reference.countAt(sequence));
  }

  checkSnapshots(): void {
    checkSnapshots(this.sim, this.reference);
  }

  checkRecords(): Promise<void> {
    return checkRecords(this.store, this.reference);
  }

  throwFound(): void {
    const [first] = this.found;
    if (first !== undefined) throw first;
  }

  /** After a close: all was answered before it, and what came behind it was refused. */
  closed(): void {
    this.throwFound();
    checkRefusals(this.reference, this.refusals, this.isFaulty, undefined);
    this.refusals.clear();
    this.reference.waiting = [];
    this.reference.promise(this.reference.visible.length);
    this.look("after the close");
  }

  readonly #stops: (() => void)[] = [];

  /** To be called when the command ends. */
  onEnd(stop: () => void): void {
    this.#stops.push(stop);
  }

  stop(): void {
    for (const stop of this.#stops.splice(0)) stop();
  }

  /** The life is over: what it still says counts for nothing. */
  end(): void {
    this.life.end();
  }

  /** As SIGKILL. */
  kill(): void {
    this.end();
    this.life.process.kill();
    // Else one that waited for the lock beside it would have it now.
    for (const process of this.beside) process.kill();
    this.beside.clear();
  }
}
