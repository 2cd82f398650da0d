/** All campaigns, in the order in which they are listed. */
import type { Campaign } from "./campaign.ts";
import { crashCampaign } from "./crash-campaign.ts";

export const campaigns: readonly Campaign[] = [crashCampaign];
