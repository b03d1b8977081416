import { z } from 'zod';
import { type Consumption, consumption } from '../../platform/consumer.js';
import type { LiveFeed } from '../../platform/livefeed.js';
import type { TimerHandlers } from '../../platform/timers.js';
import { expireHold, HOLD_EXPIRY } from './bookingCommands.js';
import { acceptAuthorisation, acceptPaymentFailure } from './paymentCommands.js';
import { endNoShow, NO_SHOW, REMINDER, remind } from './bookingTimers.js';
import { markOverdue, OVERDUE_RETURN } from './rentalCommands.js';
import { keepVehicle } from './vehicleCommands.js';

const vehicleFacts = z.object({
  vehicleId: z.uuid(),
  use: z.string(),
  status: z.string(),
  category: z.string(),
  dailyRateMinor: z.string().regex(/^\d+$/),
  currency: z.string(),
  stationId: z.uuid().nullable(),
  timeZone: z.string(),
  title: z.string(),
});

const keeps = (type: string) => consumption({ type, projection: true, payload: vehicleFacts, apply: (tx, { payload }) => keepVehicle(tx, payload) });

const subject = z.object({ subjectType: z.string(), subjectId: z.uuid() });
const authorised = subject.extend({ amountMinor: z.string().regex(/^\d+$/), currency: z.string() });
/** `part` EXTRA: only what the booking came to cost more failed; it is owed, and the booking goes on. */
const failed = subject.extend({ code: z.string(), part: z.literal('EXTRA').optional() });

/** What booking does on other domains' events. */
export function bookingConsumes(feed: LiveFeed): readonly Consumption[] {
  const fails = (type: string) =>
    consumption({
      type,
      payload: failed,
      apply: async (tx, { payload }) => {
        if (payload.subjectType === 'BOOKING' && payload.part !== 'EXTRA')
          await acceptPaymentFailure(tx, feed, { bookingId: payload.subjectId, code: payload.code });
      },
    });
  return [
    keeps('vehicle.created'),
    keeps('vehicle.updated'),
    keeps('vehicle.retired'),
    consumption({
      type: 'payment.authorised',
      payload: authorised,
      apply: async (tx, { payload }) => {
        if (payload.subjectType !== 'BOOKING') return;
        await acceptAuthorisation(tx, feed, { bookingId: payload.subjectId, amount: { amountMinor: BigInt(payload.amountMinor), currency: payload.currency } });
      },
    }),
    fails('payment.declined'),
    fails('payment.failed'),
  ];
}

export function bookingTimers(feed: LiveFeed): TimerHandlers {
  return {
    [HOLD_EXPIRY]: (tx, { key }) => expireHold(tx, feed, key),
    [REMINDER]: (tx, { key }) => remind(tx, key),
    [NO_SHOW]: (tx, { key }) => endNoShow(tx, feed, key),
    [OVERDUE_RETURN]: (tx, { key }) => markOverdue(tx, feed, key),
  };
}
