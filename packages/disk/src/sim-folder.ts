/**
 * A simulated folder, and the operations on names that a power cut may lose:
 *
 *     rename a.tmp -> a  =  one operation with two effects   { a: inode 7 }  { a.tmp: nothing }
 *
 * An effect is absolute ("this name now means that file"), so any subset of the operations can be
 * replayed on the durable names. An operation is atomic, also one between two folders.
 *
 * The rule: a name is durable only by a sync of its folder, however often its file was synced.
 */

import type { SimInode } from "./sim-inode.ts";

export type SimNode = SimInode | SimFolder;

export class SimFolder {
  readonly kind = "folder";
  number: number;
  cached = new Map<string, SimNode>();
  durable = new Map<string, SimNode>();
  modified = "";

  constructor(number: number) {
    this.number = number;
  }
}

export interface NameEffect {
  readonly folder: SimFolder;
  readonly name: string;
  /** What the name means from now on; undefined if nothing. */
  readonly node: SimNode | undefined;
}

export interface NameOperation {
  readonly sequence: number;
  readonly kind: "create" | "link" | "rename" | "remove" | "createFolder";
  readonly path: string;
  /** The new name, of a link or a rename. */
  readonly to?: string;
  readonly effects: readonly NameEffect[];
}

export const setName = (names: Map<string, SimNode>, effect: NameEffect): void => {
  if (effect.node) names.set(effect.name, effect.node);
  else names.delete(effect.name);
};

const touches = (operation: NameOperation, folder: SimFolder): boolean =>
  operation.effects.some((effect) => effect.folder === folder);

/** Without their effects on that name, which is settled: replayed later, they would undo it. */
export const withoutName = (
  operations: readonly NameOperation[],
  settled: Pick<NameEffect, "folder" | "name">,
): NameOperation[] =>
  operations
    .map((operation) => {
      const effects = operation.effects.filter(
        ({ folder, name }) => folder !== settled.folder || name !== settled.name,
      );
      return effects.length === operation.effects.length ? operation : { ...operation, effects };
    })
    .filter(({ effects }) => effects.length > 0);

/**
 * Makes the operations durable that touch `folder` and are not newer than `sequence`. Returns what
 * stays unsynced.
 */
export const syncNames = (
  unsynced: readonly NameOperation[],
  folder: SimFolder,
  sequence: number,
): NameOperation[] => {
  let rest: NameOperation[] = [];
  for (const operation of unsynced) {
    if (operation.sequence <= sequence && touches(operation, folder)) {
      for (const effect of operation.effects) {
        setName(effect.folder.durable, effect);
        rest = withoutName(rest, effect);
      }
    } else {
      rest.push(operation);
    }
  }
  return rest;
};

/** After a failed sync of `folder`: those operations will never be durable by any later sync. */
export const forgetNames = (
  unsynced: readonly NameOperation[],
  folder: SimFolder,
  sequence: number,
): NameOperation[] =>
  unsynced.filter((operation) => operation.sequence > sequence || !touches(operation, folder));
