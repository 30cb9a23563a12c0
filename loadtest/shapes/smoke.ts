import exec from 'k6/execution';
import http from 'k6/http';
import { thresholds } from '../budgets.ts';
import { type Plan, spendEvening } from '../journeys/evening.ts';
import type { ReplyOfName } from '../replies.ts';

/** What the runner hands over, in the environment of k6. */
interface Task {
  plan: Omit<Plan, 'startMs'>;
  summaryFile: string;
}

// oxlint-disable-next-line no-underscore-dangle -- k6's own name
declare const __ENV: Record<string, string | undefined>;

const { plan: given, summaryFile } = JSON.parse(__ENV['ELEVENS_LOAD'] ?? '{}') as Task;
const { evening } = given;

export const options = {
  scenarios: {
    evening: {
      executor: 'per-vu-iterations',
      vus: evening.shoppers,
      iterations: 1,
      maxDuration: `${evening.durationMsMax}ms`,
      gracefulStop: '0s',
    },
  },
  thresholds: thresholds(),
  summaryTrendStats: ['count', 'med', 'p(95)', 'p(99)', 'max'],
  // Setting up is a handful of calls; tearing down none at all.
  setupTimeout: '20s',
};

/** Fixes the moment of the server's clock from which the evening's times count: when k6 is ready, and not before. */
export function setup(): Plan {
  const response = http.post(`${given.url}/api/clock/now`, '{}', { headers: { 'content-type': 'application/json' } });
  if (response.status !== 200) throw new Error(`clock:now answered ${response.status}: ${response.error}`);
  const { nowMs } = response.json() as ReplyOfName<'clock:now'>;
  return { ...given, startMs: nowMs };
}

export default async function shopper(plan: Plan): Promise<void> {
  const journal = await spendEvening(plan, exec.vu.idInTest);
  await http.asyncRequest('POST', plan.journalUrl, JSON.stringify(journal));
}

export function handleSummary(data: unknown): Record<string, string> {
  return { [summaryFile]: JSON.stringify(data) };
}
