import { z } from 'zod';
import { eventType } from '../../platform/outbox.js';

/** A mail came in and joined a thread. Nobody listens yet; it is here for the record and for replay. */
export const mailReceived = eventType({
  type: 'mail.received',
  version: 1,
  aggregateType: 'thread',
  payload: z.object({ threadId: z.uuid(), messageId: z.uuid() }),
  consumers: [],
});

/** A mail became a dead letter. */
export const deliveryFailed = eventType({
  type: 'delivery.failed',
  version: 1,
  aggregateType: 'delivery',
  payload: z.object({ deliveryId: z.uuid(), kind: z.string(), attempts: z.int() }),
  consumers: [],
});
