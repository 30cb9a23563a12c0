import { createClock } from '../platform/clock.ts';
import { createRandom } from '../platform/random.ts';
import { createCrowd } from './conductor.ts';

/**
 * The process of the demo's crowd. It is a process of its own so that what simulated shoppers cost is not taken from the
 * node that serves people. It is told what it needs by its parent and ends with it, however that ends.
 */
export interface CrowdOrders {
  url: string;
  tokens: string[];
}

let crowd: ReturnType<typeof createCrowd> | null = null;

process.once('message', (orders: CrowdOrders) => {
  crowd = createCrowd({ ...orders, clock: createClock(), random: createRandom() });
  crowd.start();
});
// The channel breaks when the parent ends, even by kill -9.
process.once('disconnect', () => {
  crowd?.stop();
  process.exit(0);
});
// Ctrl-C reaches the whole group; the parent drains and then lets go of the channel.
process.on('SIGINT', () => {});
