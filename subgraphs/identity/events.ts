import { z } from 'zod';
import { eventType } from '../../platform/outbox.js';

export const userRegistered = eventType({
  type: 'user.registered',
  version: 1,
  aggregateType: 'user',
  payload: z.object({ userId: z.uuid(), roles: z.array(z.string()) }),
  consumers: ['payments-ledger', 'inbox'],
});
