/** All campaigns, in the order in which they are listed. */
import type { Campaign } from "./campaign.ts";
import { crashCampaign } from "./crash-campaign.ts";
import { faultCallsCampaign } from "./fault-calls-campaign.ts";
import { dropInCampaign } from "./drop-in-campaign.ts";
import { fuzzDecodersCampaign } from "./fuzz-decoders-campaign.ts";
import { fuzzDirectoryCampaign } from "./fuzz-directory-campaign.ts";
import { killCampaign } from "./kill-campaign.ts";
import { metamorphicCampaign } from "./metamorphic-campaign.ts";
import { modelCampaign } from "./model-campaign.ts";
import { smallScopeCampaign } from "./small-scope-campaign.ts";
import { syscallsCampaign } from "./syscalls-campaign.ts";
import { fsyncgateCampaign } from "./fsyncgate-campaign.ts";
import { umlPowerCutCampaign } from "./uml-power-cut-campaign.ts";
import { shutdownExt4Campaign, shutdownXfsCampaign } from "./shutdown-campaign.ts";
import { dmLogWritesCampaign } from "./dm-log-writes-campaign.ts";

export const campaigns: readonly Campaign[] = [
  crashCampaign,
  smallScopeCampaign,
  faultCallsCampaign,
  fuzzDecodersCampaign,
  fuzzDirectoryCampaign,
  killCampaign,
  dropInCampaign,
  shutdownExt4Campaign,
  shutdownXfsCampaign,
  syscallsCampaign,
  modelCampaign,
  metamorphicCampaign,
  umlPowerCutCampaign,
  fsyncgateCampaign,
  dmLogWritesCampaign,
];
