export { createCampaign } from './campaign.ts';
