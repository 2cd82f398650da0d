/**
 * The model is only worth something if it fails on a store that is wrong: bugs, planted one at a time
 * in a copy of the built engine, and each must be found.
 *
 * The rule: model.test.ts is the control: without a bug the same commands pass.
 */
import { expect, it } from "vitest";
import { withPatches } from "./crash/patched-engine.ts";
import { modelBugs } from "./model/planted-bugs.ts";
import { runModel } from "./model/model-run.ts";

/** The long run shrinks them too, and looks for the rare ones. */
const isLong = process.env["TASKWAL_LONG"] === "1";
const seed = Number(process.env["TASKWAL_MODEL_SEED"] ?? 5);

const rare = new Set([
  "flushSync acknowledges a batch that a full disk refused",
  "flushSync twice in a turn writes twice",
]);

it.each(modelBugs.filter(({ name }) => isLong || !rare.has(name)))(
  "the model catches: $name",
  async ({ name, patches, breaks }) => {
    const end = await withPatches(patches, async (engine): Promise<unknown> => {
      try {
        return await runModel({
          engine,
          seed,
          runs: rare.has(name) ? 5_000 : 300,
          endsAtFailure: !isLong,
        });
      } catch (error) {
        return error;
      }
    });
    expect(end).toBeInstanceOf(Error);
    const { message, cause } = end as Error & { cause: { message?: string } };
    process.stdout.write(
      `planted: ${name}\n   found: ${message.split("\nShrunk")[0]}\n   ${String(cause.message).split("\n")[0]?.slice(0, 200)}\n`,
    );
    expect(breaks.filter((one) => String(cause.message).startsWith(one))).not.toEqual([]);
  },
  isLong ? 1_800_000 : 120_000,
);
