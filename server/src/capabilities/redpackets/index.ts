export { createRedPackets, type RedPackets } from './redpackets.ts';
