/** All campaigns, in the order in which they are listed. */
import type { Campaign } from "./campaign.ts";
import { crashCampaign } from "./crash-campaign.ts";
import { modelCampaign } from "./model-campaign.ts";
import { shutdownExt4Campaign, shutdownXfsCampaign } from "./shutdown-campaign.ts";
import { syscallsCampaign } from "./syscalls-campaign.ts";

export const campaigns: readonly Campaign[] = [
  crashCampaign,
  shutdownExt4Campaign,
  shutdownXfsCampaign,
  syscallsCampaign,
  modelCampaign,
];
