export { type Campaign, createCampaign } from './campaign.ts';
