/**
 * The model that a command works with: the bundled one, or what a file of the caller's exports.
 *
 * The rule: a file is run only from where the caller says, and never from within the directory that is
 * looked at: that one may come from a machine that nobody trusts.
 */
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { isWithin, type EntityDefinitions, type TypedModel } from "@taskwal/core";
import { taskModel } from "@taskwal/tasks";
import { UsageError } from "./usage-error.ts";

type AnyModel = TypedModel<EntityDefinitions>;

/** `file` has `export const model` or a default export. Throws UsageError. */
export const loadModel = async (file: string | undefined, dir: string): Promise<AnyModel> => {
  if (file === undefined) return taskModel;
  const path = resolve(file);
  if (isWithin(dir, path)) {
    throw new UsageError(
      `${file} lies in the directory that it is to read; no code is run from there`,
    );
  }
  let exports: { readonly model?: unknown; readonly default?: unknown };
  try {
    exports = (await import(pathToFileURL(path).href)) as typeof exports;
  } catch (error) {
    throw new UsageError(
      `cannot load ${file}: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
  const model = exports.model ?? exports.default;
  if (isModel(model)) return model;
  throw new UsageError(`${file} exports no model: it needs "export const model = defineModel(…)"`);
};

/** As `defineModel` makes it, of whichever install of the package. */
const isModel = (value: unknown): value is AnyModel => {
  const { entities, mutations, schema, hash } = (value ?? {}) as Record<string, unknown>;
  return (
    typeof (entities as Partial<Map<string, unknown>> | undefined)?.get === "function" &&
    typeof (mutations as Partial<Map<string, unknown>> | undefined)?.get === "function" &&
    typeof schema === "object" &&
    typeof hash === "string"
  );
};
