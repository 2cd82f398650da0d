/**
 * One life of the store: from an opening to a close or a crash.
 *
 * The rule: it is over at the instant in which its process is dead, whoever hears of that when.
 */
import type { SimProcess } from "@taskwal/disk/sim";
import type { NoteStore } from "../crash/note-store.ts";

export class Life {
  readonly store: NoteStore;
  readonly process: SimProcess;
  isClosing = false;
  #isEnded = false;

  constructor(store: NoteStore, process: SimProcess) {
    this.store = store;
    this.process = process;
  }

  get isOver(): boolean {
    return this.#isEnded || !this.process.isRunning;
  }

  end(): void {
    this.#isEnded = true;
  }
}
