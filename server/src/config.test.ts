import { describe, expect, it } from 'vitest';
import { ConfigError, readConfig } from './config.ts';

const secret = 'correct-horse-battery-staple-0123456789';
const other = 'another-secret-that-is-quite-long-9876543210';
const production = { NODE_ENV: 'production', TOKEN_SECRET: secret, ALLOWED_ORIGINS: 'https://shop.example' };

function problemsOf(env: Record<string, string>): readonly string[] {
  try {
    readConfig(env);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

describe('settings', () => {
  it('has a value for everything when nothing is set', () => {
    expect(readConfig({})).toMatchObject({
      production: false,
      host: '127.0.0.1',
      port: 3000,
      metricsPort: 9464,
      redisUrl: null,
      redisVouched: false,
      partitions: 1,
      workers: 1,
      durability: 'fsync',
      ledgerSeal: true,
      tickMs: 50,
      tokenSecrets: null,
      allowedOrigins: { kind: 'same-host' },
      trustProxy: 0,
      demo: true,
      demoCrowd: 12,
      festivalFile: null,
      logLevel: 'info',
    });
  });

  it('takes an empty value for one that is not set', () => {
    expect(readConfig({ PORT: '', REDIS_URL: ' ', TOKEN_SECRET: '' })).toEqual(readConfig({}));
  });

  it('takes a payment provider whole or not at all, and names what is missing without telling a secret', () => {
    const key = 'an-api-key-of-some-length';
    const till = { TILL_URL: 'https://pay.example', TILL_API_KEY: key, TILL_WEBHOOK_SECRETS: `${secret},${other}` };
    expect(readConfig({ ...production }).till).toBeNull();
    expect(readConfig({ ...production, ...till, PUBLIC_URL: 'https://shop.example' }).till).toEqual({
      url: 'https://pay.example',
      apiKey: key,
      webhookSecrets: [secret, other],
    });
    expect(problemsOf({ TILL_API_KEY: key })).toEqual([
      'TILL_URL: a payment provider needs TILL_URL, TILL_WEBHOOK_SECRETS, PUBLIC_URL as well',
    ]);
    expect(problemsOf(till)).toEqual(['TILL_URL: a payment provider needs PUBLIC_URL as well']);
    const [short = '', ...more] = problemsOf({ ...till, TILL_API_KEY: 'short-key' });
    expect(short).toMatch(/^TILL_API_KEY: /);
    expect([short, ...more].join()).not.toContain('short-key');
  });

  it('lists every problem at once, each by its name', () => {
    const problems = problemsOf({
      PORT: 'abc',
      TICK_MS: '5',
      DEMO: 'perhaps',
      LOG_LEVEL: 'loud',
      REDIS_URL: 'localhost',
    });
    expect(problems.map((problem) => problem.split(':')[0])).toEqual([
      'PORT',
      'REDIS_URL',
      'TICK_MS',
      'DEMO',
      'LOG_LEVEL',
    ]);
    expect(problems[0]).toBe('PORT: must be a whole number from 0 to 65535 (it is "abc")');
  });

  it.each([
    ['PORT', '65536'],
    ['PORT', '-1'],
    ['PORT', '1e3'],
    ['PORT', '0x10'],
    ['PORT', '3000.5'],
    ['TICK_MS', '9'],
    ['TICK_MS', '1001'],
    ['TICK_MS', 'NaN'],
    ['DEMO_CROWD', '201'],
    ['METRICS_PORT', 'none'],
    ['HOST', 'http://127.0.0.1'],
    ['REDIS_URL', 'http://localhost:6379'],
    ['ALLOWED_ORIGINS', 'shop.example'],
    ['ALLOWED_ORIGINS', 'https://shop.example/path'],
    ['ALLOWED_ORIGINS', 'https://shop.example, *'],
    ['TOKEN_SECRET', 'short'],
    ['TOKEN_SECRET', `${secret},short`],
    ['TOKEN_SECRET', `${secret},${secret}`],
    ['TOKEN_SECRET', 'a'.repeat(64)],
    ['DURABILITY', 'disk'],
    ['DURABILITY', 'replicas:0'],
    ['DURABILITY', 'replicas:6'],
    ['DURABILITY', 'replicas:12'],
    ['DURABILITY', 'memory+replicas:1'],
    ['DURABILITY', 'replicas:1+fsync'],
    ['PARTITIONS', '0'],
    ['PARTITIONS', '65'],
    ['PARTITIONS', '1.5'],
  ])('refuses %s=%s', (name, value) => {
    const problems = problemsOf({ [name]: value });
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(new RegExp(`^${name}: `));
  });

  it.each([
    ['WORKERS', '4'],
    ['REDIS_CLUSTER', 'a:1,b:2,c:3'],
    ['LEDGER_KEPT', '30d'],
  ])('says that %s=%s comes with a later version instead of ignoring it', (name, value) => {
    expect(problemsOf({ [name]: value })).toEqual([expect.stringMatching(/comes? with a later version/)]);
  });

  it.each(['replicas:1', 'fsync+replicas:5'])('takes %s for a Redis that may have replicas', (level) => {
    expect(readConfig({ DURABILITY: level, REDIS_URL: 'redis://localhost:6379' }).durability).toBe(level);
  });

  it('refuses replicas of the embedded Redis, which has none, and says what to set', () => {
    expect(problemsOf({ DURABILITY: 'replicas:1' })).toEqual([expect.stringMatching(/^DURABILITY: .*set REDIS_URL/)]);
  });

  it('takes as many partitions as a festival may be created with', () => {
    expect(readConfig({ PARTITIONS: '64' }).partitions).toBe(64);
  });

  it('never repeats a secret in a problem', () => {
    const bad = 'hunter2-is-short';
    expect(problemsOf({ TOKEN_SECRET: bad, REDIS_URL: `http://name:${bad}@host` }).join('\n')).not.toContain(bad);
  });

  it('signs with the first secret and verifies with all of them', () => {
    expect(readConfig({ TOKEN_SECRET: ` ${secret}, ${other} ` }).tokenSecrets).toEqual([secret, other]);
  });

  it('turns metrics off and takes a free port for them', () => {
    expect(readConfig({ METRICS_PORT: 'off' }).metricsPort).toBeNull();
    expect(readConfig({ METRICS_PORT: '0' }).metricsPort).toBe(0);
  });

  it('reads on and off in the ways people write them', () => {
    for (const on of ['1', 'on', 'true', 'YES']) expect(readConfig({ DEMO: on, ...production }).demo).toBe(true);
    for (const off of ['0', 'off', 'False', 'no']) expect(readConfig({ DEMO: off }).demo).toBe(false);
  });
});

describe('in production', () => {
  it('starts with a secret and with listed origins, and without the demo', () => {
    expect(readConfig(production)).toMatchObject({
      production: true,
      demo: false,
      tokenSecrets: [secret],
      allowedOrigins: { kind: 'listed', origins: ['https://shop.example'] },
    });
  });

  it('refuses to start without a secret and without origins, and names both', () => {
    expect(problemsOf({ NODE_ENV: 'production' })).toEqual([
      expect.stringMatching(/^TOKEN_SECRET: must be set in production/),
      expect.stringMatching(/^ALLOWED_ORIGINS: must be set in production/),
    ]);
  });

  it('refuses an open origin list that development may have', () => {
    expect(readConfig({ ALLOWED_ORIGINS: '*' }).allowedOrigins).toEqual({ kind: 'any' });
    expect(problemsOf({ ...production, ALLOWED_ORIGINS: '*' })).toEqual([
      expect.stringMatching(/^ALLOWED_ORIGINS: \*/),
    ]);
  });
});
