import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { DisconnectCode, FaultCode } from '@elevens/shared/src/faults.ts';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { TickMetrics } from './realtime/tick.ts';

/** What the rest counts with. Labels are words of the code (a command's name, a fault's code), never of a caller. */
export interface Metrics {
  registry: Registry;
  /** Counts of the tick, given to it as they are. */
  tick: TickMetrics;
  /** One command that was answered. `outcome` is `ok`, the word of a rejection or the code of a fault. */
  command(name: string, outcome: string, seconds: number): void;
  fault(code: FaultCode): void;
  /** A connection that was ended with a code, or refused at the handshake. */
  disconnected(code: DisconnectCode | 'refused'): void;
  /** One round trip to Redis, as the caller waited for it. */
  redis(seconds: number): void;
  /** Whether nothing new is decided because too few replicas confirm. */
  degraded(now: boolean): void;
  /** A decision's Lua failed: always a bug. */
  scriptError(script: string): void;
  /** One call of group commit, by the script it ran and how many decisions travelled in it. */
  batch(script: string, items: number): void;
  /** How late this process's event loop ran at its worst hundredth since this was last asked, in milliseconds. */
  loopLagMs(): number;
}

/** Different values of one label that are kept apart; what comes later is counted as `other`, so memory stays bounded. */
const labelValuesMax = 500;
/** The loop is looked at this often; the delay is measured beyond it. */
const lagResolutionMs = 10;
/** From a tenth of a millisecond (an answer from memory) to the time-out of a call. */
const latencySeconds = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];

function bounded(): (value: string) => string {
  const seen = new Set<string>();
  return (value) => {
    if (seen.has(value)) return value;
    if (seen.size >= labelValuesMax) return 'other';
    seen.add(value);
    return value;
  };
}

/** The node's own registry. Nothing here is shared between servers of one process, so tests may make several. */
export function createMetrics(): Metrics {
  const registry = new Registry();
  const registers = [registry];
  // Event loop lag, memory, garbage collection, file handles, CPU.
  collectDefaultMetrics({ register: registry });
  const lag = monitorEventLoopDelay({ resolution: lagResolutionMs });
  lag.enable();

  const counter = (name: string, help: string) => new Counter({ name: `elevens_${name}`, help, registers });
  const labelled = <L extends string>(name: string, help: string, labelNames: L[]) =>
    new Counter({ name: `elevens_${name}`, help, labelNames, registers });
  const gauge = (name: string, help: string) => new Gauge({ name: `elevens_${name}`, help, registers });

  const deliveries = counter('deliveries_total', 'Entries, states and personal events written, once a viewer');
  const writes = counter('writes_total', 'Writes made to viewers');
  const writtenBytes = counter('written_bytes_total', 'Bytes written to viewers by the tick');
  const skippedViewers = counter('skipped_viewers_total', 'Times a viewer could not be written to in a tick');
  const skippedState = counter('skipped_states_total', 'States left out because the viewer owed too much');
  const behind = counter('behind_total', 'Viewers who had fallen further behind than is kept');
  const tickSeconds = new Histogram({
    name: 'elevens_tick_seconds',
    help: 'How long a cycle of the tick took',
    buckets: latencySeconds,
    registers,
  });
  const sockets = gauge('sockets', 'Connections that are looked after');
  const queueBytes = gauge('queue_bytes', 'Bytes that wait in this process for viewers');
  const pausedViewers = gauge('paused_viewers', 'Viewers not read from until they have read what they are owed');
  const cutOffs = labelled('cut_offs_total', 'Connections cut off, by code', ['code']);
  const disconnects = labelled('disconnects_total', 'Connections ended or refused with a code', ['code']);
  const faults = labelled('faults_total', 'Calls answered with a fault, by code', ['code']);
  const scriptErrors = labelled('script_errors_total', 'Decisions whose Lua failed', ['script']);
  const commandSeconds = new Histogram({
    name: 'elevens_command_seconds',
    help: 'From the arrival of a command to its answer',
    labelNames: ['command', 'outcome'],
    buckets: latencySeconds,
    registers,
  });
  const redisSeconds = new Histogram({
    name: 'elevens_redis_seconds',
    help: 'A round trip to Redis, as the caller waited for it',
    buckets: latencySeconds,
    registers,
  });
  const batchItems = new Histogram({
    name: 'elevens_batch_items',
    help: 'Decisions that travelled in one call',
    labelNames: ['script'],
    buckets: [1, 2, 4, 8, 16, 32, 64, 128],
    registers,
  });
  const degraded = gauge('degraded', '1 while nothing new is decided because too few replicas confirm');
  const commandLabel = bounded();
  const outcomeLabel = bounded();
  const scriptLabel = bounded();

  return {
    registry,
    tick: {
      ticked(sums) {
        deliveries.inc(sums.deliveries);
        writes.inc(sums.writes);
        writtenBytes.inc(sums.bytes);
        skippedViewers.inc(sums.skippedViewers);
        skippedState.inc(sums.skippedState);
        behind.inc(sums.behind);
        tickSeconds.observe(sums.ms / 1_000);
      },
      swept(sums) {
        sockets.set(sums.viewers);
        queueBytes.set(sums.queueBytes);
        pausedViewers.set(sums.pausedViewers);
      },
      cutOff: (code, count) => cutOffs.inc({ code }, count),
    },
    command: (name, outcome, seconds) =>
      commandSeconds.observe({ command: commandLabel(name), outcome: outcomeLabel(outcome) }, seconds),
    fault: (code) => faults.inc({ code }),
    disconnected: (code) => disconnects.inc({ code }),
    redis: (seconds) => redisSeconds.observe(seconds),
    degraded: (now) => degraded.set(now ? 1 : 0),
    scriptError: (script) => scriptErrors.inc({ script: scriptLabel(script) }),
    batch: (script, items) => batchItems.observe({ script: scriptLabel(script) }, items),
    loopLagMs() {
      const p99Ms = lag.count === 0 ? 0 : lag.percentile(99) / 1e6 - lagResolutionMs;
      lag.reset();
      return Math.max(0, p99Ms);
    },
  };
}

export interface MetricsServer {
  port: number;
  close(): Promise<void>;
}

/**
 * Serves `GET /metrics` for Prometheus on loopback only, because it tells what a competitor would like to know. Port 0
 * takes a free one. Rejects with the system's error where the port is taken.
 */
export function serveMetrics(registry: Registry, port: number): Promise<MetricsServer> {
  const server: Server = createServer((request, response) => {
    if (request.method !== 'GET' || request.url?.split('?')[0] !== '/metrics') {
      response.writeHead(404, { 'content-type': 'text/plain' }).end('Only GET /metrics is here.\n');
      return;
    }
    registry.metrics().then(
      (text) => response.writeHead(200, { 'content-type': registry.contentType }).end(text),
      () => response.writeHead(500).end(),
    );
  });
  return new Promise((settle, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => {
      server.off('error', reject);
      settle({
        port: (server.address() as AddressInfo).port,
        close: () =>
          new Promise((done) => {
            server.close(() => done());
            server.closeAllConnections();
          }),
      });
    });
  });
}
