import { expect, it } from 'vitest';
import { createMetrics, serveMetrics } from './metrics.ts';

it('tells Prometheus what was counted, on loopback', async () => {
  const metrics = createMetrics();
  metrics.tick.ticked({ deliveries: 7, writes: 3, bytes: 900, skippedViewers: 1, skippedState: 2, behind: 0, ms: 4 });
  metrics.tick.swept({ viewers: 12, queueBytes: 4096, pausedViewers: 1 });
  metrics.tick.cutOff('slow-reader', 2);
  metrics.command('deals:claim', 'sold-out', 0.004);
  metrics.fault('overloaded');
  metrics.scriptError('claim-units');
  metrics.batch('claim-units', 17);
  metrics.redis(0.001);
  const server = await serveMetrics(metrics.registry, 0);
  try {
    const response = await fetch(`http://127.0.0.1:${server.port}/metrics`);
    const text = await response.text();
    for (const line of [
      'elevens_deliveries_total 7',
      'elevens_skipped_states_total 2',
      'elevens_sockets 12',
      'elevens_queue_bytes 4096',
      'elevens_cut_offs_total{code="slow-reader"} 2',
      'elevens_command_seconds_count{command="deals:claim",outcome="sold-out"} 1',
      'elevens_faults_total{code="overloaded"} 1',
      'elevens_script_errors_total{script="claim-units"} 1',
      'elevens_batch_items_bucket{le="32",script="claim-units"} 1',
      'elevens_redis_seconds_bucket{le="0.001"} 1',
    ])
      expect(text).toContain(line);
    expect(text).toMatch(/nodejs_eventloop_lag_p99_seconds/);
    expect((await fetch(`http://127.0.0.1:${server.port}/other`)).status).toBe(404);
  } finally {
    await server.close();
  }
});

it('keeps counting under one label when a caller makes up names without end', async () => {
  const metrics = createMetrics();
  for (let i = 0; i < 2_000; i++) metrics.command(`made:up-${i}`, 'not-found', 0.001);
  const text = await metrics.registry.metrics();
  expect(text.match(/elevens_command_seconds_count/g)?.length).toBe(501);
  expect(text).toContain('elevens_command_seconds_count{command="other",outcome="not-found"} 1500');
});

it('sees an event loop that was blocked', async () => {
  const metrics = createMetrics();
  const turn = () => new Promise((settle) => setTimeout(settle, 25));
  metrics.loopLagMs();
  // The first look after a reading is what the next one is measured from.
  await turn();
  const endMs = performance.now() + 150;
  while (performance.now() < endMs);
  await turn();
  expect(metrics.loopLagMs()).toBeGreaterThan(100);
});
