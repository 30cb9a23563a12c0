export { createPacketLaw } from './law.ts';
export { createRedPackets, type RedPackets } from './redpackets.ts';
