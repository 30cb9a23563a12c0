// How many events a second of server CPU reach the viewers of one room: ten events of some 120 bytes a tick of 50 ms.
import { setTimeout as pause } from 'node:timers/promises';
import { startProcess, versionOf } from './processes.mjs';

const eventsPerTick = 10;
/** Ours keeps the pace of the ticks. A peer that cannot is given fewer of them, so that its round ends in time. */
const ticksOf = { ours: 40, floor: 40, 'socket.io': 12 };
const sampleEvery = 20;

async function measure(way, { sockets }) {
  const server = startProcess('bench-server.mjs', { args: [way] });
  const sink = startProcess('sink.mjs');
  try {
    const { port } = await server.ask('listen');
    const { sampled } = await sink.ask('connect', { port, sockets, sampleEvery });
    await sink.ask('nap', { on: true });
    // As much again beforehand, uncounted: the first pass runs code that is not compiled yet.
    const ticks = ticksOf[way];
    await server.ask('tell', { ticks, eventsPerTick });
    await arrived(ticks * eventsPerTick);
    await sink.ask('reset');

    const events = ticks * eventsPerTick;
    const sinkBefore = await sink.ask('counts');
    const before = await server.ask('cpu');
    const { packetBytes } = await server.ask('tell', { ticks, eventsPerTick });
    const counts = await arrived(events);
    const after = await server.ask('cpu');
    const latency = await sink.ask('latencies');
    const serverSeconds = (after.cpuUs - before.cpuUs) / 1e6;
    const wallSeconds = (after.atUs - before.atUs) / 1e6;
    return {
      figure: (events * sockets) / serverSeconds,
      deliveries: events * sockets,
      packets: counts.packets,
      bytes: counts.bytes,
      packetBytes,
      allArrived: counts.sampledEntries === events * sampled && counts.packets === events * sockets,
      closed: counts.closed,
      // Below 1 when viewers were slow and got several ticks in one write. The peer writes each event by itself.
      writesPerViewerTick: way === 'socket.io' ? eventsPerTick : (after.writes - before.writes) / (ticks * sockets),
      deliveriesPerSecond: (events * sockets) / wallSeconds,
      serverCpuShare: serverSeconds / wallSeconds,
      sinkCpuShare: (counts.cpuUs - sinkBefore.cpuUs) / 1e6 / wallSeconds,
      latency,
    };

    /** Waits until the crowd has all of them, or until nothing has come for five seconds. */
    async function arrived(count) {
      let last = -1;
      for (let quietMs = 0; quietMs < 5_000; ) {
        const now = await sink.ask('counts');
        if (now.packets >= count * sockets) return now;
        quietMs = now.bytes === last ? quietMs + 20 : 0;
        last = now.bytes;
        await pause(20);
      }
      return sink.ask('counts');
    }
  } finally {
    await Promise.all([server.end(), sink.end()]);
  }
}

const middle = (numbers) => numbers.toSorted((a, b) => a - b)[numbers.length >> 1];

export const bench = {
  unit: 'deliveries per second of server CPU',
  better: 'more',
  rounds: 5,
  sockets: 2_000,
  peers: ['socket.io'],
  /** What one write a viewer costs by itself, in a bare loop: how much of ours is left to save. */
  variants: ['floor'],
  measure,
  facts: (details) => ({
    eventsPerTick,
    tickMs: 50,
    packetBytes: details['socket.io'][0].packetBytes,
    perWay: Object.fromEntries(
      Object.entries(details).map(([way, rounds]) => [
        way,
        {
          deliveriesPerServerCpuSecond: Math.round(middle(rounds.map((r) => r.figure))),
          deliveriesARound: rounds[0].deliveries,
          allArrived: rounds.every((r) => r.allArrived && r.closed === 0),
          deliveriesPerSecond: Math.round(middle(rounds.map((r) => r.deliveriesPerSecond))),
          writesPerViewerTick: middle(rounds.map((r) => r.writesPerViewerTick)),
          serverCpuShare: middle(rounds.map((r) => r.serverCpuShare)),
          sinkCpuShare: middle(rounds.map((r) => r.sinkCpuShare)),
          latencyP50Ms: middle(rounds.map((r) => r.latency.p50Ms)),
          latencyP99Ms: middle(rounds.map((r) => r.latency.p99Ms)),
        },
      ]),
    ),
    versions: { 'socket.io': versionOf('socket.io'), 'engine.io': versionOf('engine.io'), ws: versionOf('ws') },
  }),
  problems: ({ facts }) =>
    Object.entries(facts.perWay).flatMap(([way, { allArrived }]) =>
      allArrived ? [] : [`not every delivery of ${way} arrived`],
    ),
};
