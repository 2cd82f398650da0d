/**
 * Every call that changed a simulated disk, in order: a list whose beginning all forks of a machine share.
 *
 *     link ── link ── link ── recent          a fork keeps the last link, whatever is added here
 *                       └ (fork) recent
 *
 * The rule: to fork and to go back cost the same however long the list is.
 */
import type { SimCall } from "./sim-faults.ts";

export interface TraceLink {
  readonly before: TraceLink | undefined;
  readonly calls: readonly SimCall[];
}

export class SimTrace {
  #past: TraceLink | undefined;
  #recent: SimCall[] = [];

  push(call: SimCall): void {
    this.#recent.push(call);
  }

  /** All calls, oldest first, as a new array. */
  get calls(): SimCall[] {
    const parts: (readonly SimCall[])[] = [this.#recent];
    for (let link = this.#past; link; link = link.before) parts.push(link.calls);
    return parts.toReversed().flat();
  }

  get state(): TraceLink | undefined {
    if (this.#recent.length > 0) {
      this.#past = { before: this.#past, calls: this.#recent };
      this.#recent = [];
    }
    return this.#past;
  }

  set state(link: TraceLink | undefined) {
    this.#past = link;
    this.#recent = [];
  }
}
