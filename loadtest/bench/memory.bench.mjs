// What an idle connection costs the server: resident memory after garbage collection, with as many viewers connected,
// joined to one room and quiet.
import { setTimeout as pause } from 'node:timers/promises';
import { startProcess, versionOf } from './processes.mjs';

async function measure(way, { sockets }) {
  const server = startProcess('bench-server.mjs', { args: [way], execArgv: ['--expose-gc'] });
  const sink = startProcess('sink.mjs');
  try {
    const { port } = await server.ask('listen');
    // A first few connections load the code that all others share.
    await sink.ask('connect', { port, sockets: 200, sampleEvery: 1_000 });
    const before = await server.ask('memory');
    await sink.ask('connect', { port, sockets, sampleEvery: 1_000 });
    // Handshake timers and the like run out.
    await pause(1_000);
    const after = await server.ask('memory');
    const each = (field) => (after[field] - before[field]) / sockets;
    return {
      figure: each('rss'),
      heapBytes: each('heapUsed'),
      externalBytes: each('external'),
      connected: after.connections - before.connections,
    };
  } finally {
    await Promise.all([server.end(), sink.end()]);
  }
}

const middle = (numbers) => numbers.toSorted((a, b) => a - b)[numbers.length >> 1];

export const bench = {
  unit: 'bytes of resident memory a connection',
  better: 'less',
  rounds: 5,
  sockets: 3_000,
  peers: ['socket.io'],
  measure,
  facts: (details) => ({
    perWay: Object.fromEntries(
      Object.entries(details).map(([way, rounds]) => [
        way,
        {
          heapBytes: Math.round(middle(rounds.map((r) => r.heapBytes))),
          externalBytes: Math.round(middle(rounds.map((r) => r.externalBytes))),
          allConnected: rounds.every((r) => r.connected === rounds[0].connected),
        },
      ]),
    ),
    versions: { 'socket.io': versionOf('socket.io'), 'engine.io': versionOf('engine.io'), ws: versionOf('ws') },
  }),
  problems: ({ facts }) =>
    Object.entries(facts.perWay).flatMap(([way, { allConnected }]) =>
      allConnected ? [] : [`${way} lost connections`],
    ),
};
