import { z } from 'zod';
import { change, defineContract, feed, query } from '../contract.ts';
import { occurrenceIdSchema, recordIdSchema, shopperIdSchema } from '../ids.ts';
import { momentMsSchema, whenSchema } from '../time.ts';

/** What earns energy: a tap of one's own, or something another capability announced. */
const energySources = ['check-in', 'deals.claimed', 'live.said', 'redpackets.opened', 'orders.paid'] as const;

export const taskRecord = z.strictObject({
  id: recordIdSchema,
  title: z.string().min(1).max(80),
  blurb: z.string().max(200),
  on: z.enum(energySources),
  energy: z.int().min(1).max(1_111),
  /** Each time the window comes round the task can be done once more. */
  when: whenSchema,
});
export type TaskRecord = z.infer<typeof taskRecord>;

const taskSchema = z.strictObject({
  taskId: occurrenceIdSchema,
  title: z.string(),
  blurb: z.string(),
  on: z.enum(energySources),
  energy: z.int(),
  opensAtMs: momentMsSchema,
  closesAtMs: momentMsSchema,
});
export type Task = z.infer<typeof taskSchema>;

export const energyStateSchema = z.strictObject({
  energy: z.int(),
  /** 0 to 4: how many lanterns are lit. */
  level: z.int(),
  /** The tasks done whose windows are still open. */
  done: z.array(occurrenceIdSchema),
  /** The last credits, newest first, at most 30; below zero where an order was paid back. */
  history: z.array(z.strictObject({ taskId: occurrenceIdSchema, energy: z.int(), creditedAtMs: momentMsSchema })),
});
export type EnergyState = z.infer<typeof energyStateSchema>;

export const energy = defineContract('energy', {
  commands: {
    tasks: query({
      summary: 'The tasks that are open now or open next.',
      input: {},
      reply: z.strictObject({ nowMs: momentMsSchema, tasks: z.array(taskSchema) }),
      rejections: {},
      callers: 'anyone',
      cost: 2,
    }),
    complete: change({
      summary: 'Does a task that is a tap of its own (check-in). Others are credited by what they name.',
      input: { taskId: occurrenceIdSchema },
      reply: z.strictObject({ energy: z.int(), level: z.int(), credited: z.int() }),
      rejections: {
        'unknown-task': z.strictObject({}),
        'not-by-tap': z.strictObject({}),
        'task-closed': z.strictObject({}),
        'already-credited': z.strictObject({}),
      },
      callers: ['shopper'],
      cost: 2,
    }),
  },
  feeds: {
    mine: feed({
      summary: "The caller's own energy.",
      kind: 'state',
      payload: energyStateSchema,
      id: shopperIdSchema,
      callers: ['shopper'],
      scope: 'own',
    }),
  },
  records: { tasks: taskRecord },
});
