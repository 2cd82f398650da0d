/**
 * One file per entity, for people and other tools: `tasks/<id>.json`, written behind.
 *
 *     mark ─(durable)─> due ─(at most every intervalMs, within the byte share)─> tmp ─ sync ─ rename
 *
 * The rule: the store never waits for a mirror, and a mirror is never the truth. A file in its place
 * that is not ours, or was edited, is set aside under quarantine/ and told, never overwritten. The file of
 * an entity with held records is written only where it shows less than is known of it here.
 */
import type { Clock, Directory, FileStat } from "@taskwal/disk";
import { fileStem } from "@taskwal/format";
import { triesMax, unstable } from "@taskwal/snapshot";
import type { EntityModel } from "./define-model.ts";
import type { Events, StoreEvents } from "./events.ts";
import { typeOf, type HeldRecords } from "./held-records.ts";
import { listItems } from "./list-view.ts";
import { readMirror, writeMirror, type MirrorContent } from "./mirror-file.ts";
import { setAsideMirror } from "./set-aside-mirror.ts";
import type { Slot } from "./state.ts";

export interface MirrorsOptions {
  readonly directory: Directory;
  readonly clock: Clock;
  /** An entity as far as it is durable. */
  readonly slotOf: (entity: EntityModel, id: string) => Slot | undefined;
  readonly held: HeldRecords;
  /** The store's id, which each mirror repeats. */
  readonly store: string;
  readonly events: Events<StoreEvents>;
  readonly enabled: boolean;
}

/** Changes of one entity within this time share one file. */
const intervalMs = 1_000;
/** A mirror is written again only once its entity grew by this share of the file, or on close. */
const growthShare = 4;

interface Due {
  readonly entity: EntityModel;
  readonly id: string;
  /** Mutations since the file was written. */
  changes: number;
}

type Identity = Pick<FileStat, "inode" | "modified" | "sizeBytes">;

interface Written extends Identity {
  /** Version of the entity in it. */
  readonly n: number;
}

export class Mirrors {
  readonly #options: MirrorsOptions;
  readonly #due = new Map<string, Due>();
  /** What could not be written, and is tried again with the next snapshot and at the end. */
  readonly #failed = new Map<string, Due>();
  readonly #written = new Map<string, Written>();
  readonly #folders = new Set<string>();
  #working: Promise<void> | undefined;
  #cancel: (() => void) | undefined;
  #stopped = false;

  constructor(options: MirrorsOptions) {
    this.#options = options;
  }

  /** The entity has changed, durably; its file is old from here on. */
  mark(entity: EntityModel, id: string): void {
    if (!this.#options.enabled || !entity.mirror || this.#stopped) return;
    const name = `${entity.collection}/${fileStem(id)}.json`;
    const due = this.#due.get(name);
    if (due) due.changes += 1;
    else this.#due.set(name, { entity, id, changes: 1 });
  }

  /** What was marked is durable: it may be shown in a file. */
  durable(): void {
    if (this.#due.size === 0 || this.#cancel || this.#working || this.#stopped) return;
    this.#cancel = this.#options.clock.schedule(intervalMs, () => {
      this.#cancel = undefined;
      void this.#run(false);
    });
  }

  /**
   * Writes all that is due, before a snapshot takes its place: what the log above a snapshot touches is
   * marked again by the next opening, and what is below it would stay old.
   */
  async catchUp(): Promise<void> {
    if (!this.#stopped && this.#due.size + this.#failed.size > 0) await this.#run(true);
  }

  /** One at a time: two would share a temporary file. */
  #run(all: boolean): Promise<void> {
    const run = (this.#working ?? Promise.resolve())
      .then(() => this.#write(all))
      .finally(() => {
        if (this.#working === run) this.#working = undefined;
      });
    this.#working = run;
    return run;
  }

  /** Writes all that is due and ends. */
  async stop(): Promise<void> {
    this.#cancel?.();
    await this.#working;
    if (!this.#stopped) await this.#write(true);
    this.#stopped = true;
  }

  /** Writes nothing more. */
  abandon(): void {
    this.#cancel?.();
    this.#stopped = true;
  }

  async #write(all: boolean): Promise<void> {
    if (all) {
      for (const [name, due] of this.#failed) if (!this.#due.has(name)) this.#due.set(name, due);
      this.#failed.clear();
    }
    const waiting = [...this.#due];
    for (const [name, due] of waiting) {
      if (this.#stopped && !all) return;
      if (!all && !this.#worthIt(name, due)) continue;
      this.#due.delete(name);
      try {
        await this.#writeOne(name, due);
        this.#failed.delete(name);
      } catch (error) {
        this.#failed.set(name, due);
        this.#options.events.emit("state:save-error", { error: error as Error });
      }
      await this.#options.clock.yield();
    }
    if (all) await this.#syncFolders();
  }

  /** What comes after (a snapshot, the end) would not write again what a power cut takes back. */
  async #syncFolders(): Promise<void> {
    const { directory, events } = this.#options;
    try {
      for (const folder of this.#folders) await directory.syncFolder(folder);
    } catch (error) {
      events.emit("state:save-error", { error: error as Error });
    }
  }

  /** Keeps the bytes of all mirrors within a stated share of the bytes of the log. */
  #worthIt(name: string, { entity, id, changes }: Due): boolean {
    const written = this.#written.get(name);
    if (!written) return true;
    const slot = this.#options.slotOf(entity, id);
    return changes * growthShare >= (slot?.n ?? 0) - changes || written.sizeBytes < 16 * 1024;
  }

  async #writeOne(name: string, due: Due): Promise<void> {
    const { entity, id } = due;
    const { directory, slotOf } = this.#options;
    await this.#ensureFolder(entity.collection);
    const { held } = this.#options;
    if (held.has(id) && !(await this.#isBehind(name, slotOf(entity, id)))) return;
    for (let tried = 0; tried < triesMax; tried++) {
      const seen = await this.#setAsideIfForeign(name);
      // An editor may save at any time: what takes its place looks once more, as late as it can.
      const isStill = async (): Promise<boolean> => {
        const now = await directory.stat(name);
        return seen && now ? isSame(seen, now) : seen === now;
      };
      const slot = slotOf(entity, id);
      const isDone =
        slot?.value === undefined
          ? await this.#remove(name, isStill)
          : await this.#replace(name, due, slot, isStill);
      if (isDone) return;
    }
    // An editor that saves again and again gets its turn; the file is written later.
    throw unstable(name);
  }

  /** Whether the file is missing, or ours and of an earlier version than the slot. */
  async #isBehind(name: string, slot: Slot | undefined): Promise<boolean> {
    // It may be there for the program that knows what waits.
    if (slot?.value === undefined) return false;
    const { directory } = this.#options;
    if (!(await directory.stat(name))) return true;
    const mirror = await readMirror(directory, name);
    return mirror !== undefined && mirror.own.version < slot.n;
  }

  async #remove(name: string, isStill: () => Promise<boolean>): Promise<boolean> {
    const { directory } = this.#options;
    if (!(await isStill())) return false;
    this.#written.delete(name);
    if (directory.statSync(name)) await directory.remove(name);
    return true;
  }

  async #replace(
    name: string,
    { entity, id }: Due,
    { value = null, n, lists, damage }: Slot,
    isStill: () => Promise<boolean>,
  ): Promise<boolean> {
    const { directory, clock, store, held } = this.#options;
    const waiting = held.first(id);
    const items = Object.entries(lists ?? {}).map(([list, view]) => [list, listItems(view)]);
    const content = { value, lists: Object.fromEntries(items) as MirrorContent["lists"] };
    const own = {
      store,
      schema: entity.version,
      version: n,
      ...(damage ? { damaged: damage } : {}),
      ...(waiting ? { held: typeOf(waiting) } : {}),
    };
    // The folder is not synced: a mirror that a power cut takes back is written by the next opening.
    if (!(await writeMirror(directory, clock, name, content, own, isStill))) return false;
    const stat = await directory.stat(name);
    if (stat) this.#written.set(name, { ...stat, n });
    return true;
  }

  async #ensureFolder(folder: string): Promise<void> {
    if (this.#folders.has(folder)) return;
    await this.#options.directory.createFolder(folder);
    await this.#options.directory.syncFolder(".");
    this.#folders.add(folder);
  }

  /** What stands there, undefined for nothing; kept under quarantine/ and told if it is not ours. */
  async #setAsideIfForeign(name: string): Promise<FileStat | undefined> {
    const { directory, clock, events } = this.#options;
    const stat = await directory.stat(name);
    if (!stat) return undefined;
    const written = this.#written.get(name);
    if (written && isSame(written, stat)) return stat;
    // A second name keeps it (an import has linked it): nothing is lost by taking its place.
    if (stat.links > 1 || (await readMirror(directory, name))) return stat;
    const quarantined = await setAsideMirror(directory, clock, name);
    events.emit("mirror:conflict", { name, quarantined });
    return stat;
  }
}

const isSame = (a: Identity, b: Identity): boolean =>
  a.inode === b.inode && a.modified === b.modified && a.sizeBytes === b.sizeBytes;
