/** What saving and re-making state.json have in common. */
import { stateName } from "@taskwal/format";

/** The state.json to come. A leftover of a crash is replaced by the next one, and read by nobody. */
export const temporaryName = `${stateName}.tmp`;

/** How often somebody may change state.json under our hands before we give up. */
export const triesMax = 5;

/** Nothing was replaced, and nothing of what somebody wrote is lost. */
export const unstable = (name: string): Error =>
  Object.assign(new Error(`EBUSY: ${name} keeps changing while it is to be replaced`), {
    code: "EBUSY",
  });
