/** Which capability may use which other one, through its front door. Held by the tidy test; a cycle fails it. */
export const capabilityGraph: Record<string, readonly string[]> = {
  identity: [],
  catalogue: [],
  campaign: ['catalogue'],
  deals: ['catalogue'],
  payments: [],
  orders: ['catalogue', 'deals', 'payments'],
  live: ['catalogue'],
  redpackets: ['catalogue'],
  energy: ['catalogue'],
  money: [],
  control: ['catalogue', 'deals', 'live', 'redpackets', 'energy', 'money'],
};
