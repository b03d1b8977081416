import { z } from 'zod';
import { type Consumption, consumption, nothingOn } from '../../platform/consumer.js';
import type { LiveFeed } from '../../platform/livefeed.js';
import type { Changed } from '../../platform/postgres.js';
import type { PublishedEvent } from '../../platform/relay.js';
import type { Storage } from '../../platform/storage.js';
import type { TimerHandlers } from '../../platform/timers.js';
import { expireHold, HOLD_EXPIRY } from './bookingCommands.js';
import { keepDepositAnswer } from './depositCommands.js';
import { AVAILABILITY, BEHIND_VEHICLE } from './claimQueries.js';
import { keepPosition, lookBehindVehicle, markOverdue } from './lateCommands.js';
import { acceptAuthorisation, acceptPaymentFailure } from './paymentCommands.js';
import { endNoShow, NO_SHOW, REMINDER, remind } from './bookingTimers.js';
import { PHOTO_LEFTOVER, removeLeftoverPhoto } from './photoCommands.js';
import { OVERDUE_RETURN } from './rentalCommands.js';
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
  /** Not in events of before it was added. */
  stationPosition: z.object({ lat: z.number(), lng: z.number() }).nullish(),
  title: z.string(),
});

const keeps = (type: string) =>
  consumption({
    type,
    projection: true,
    payload: vehicleFacts,
    changes: ({ vehicleId }) => [{ kind: AVAILABILITY, ids: [vehicleId] }],
    apply: (tx, { payload, occurredAt }) => keepVehicle(tx, payload, occurredAt),
  });

const subject = z.object({ subjectType: z.string(), subjectId: z.uuid() });
const authorised = subject.extend({ amountMinor: z.string().regex(/^\d+$/), currency: z.string() });
/** `part` EXTRA: only what the booking came to cost more failed; it is owed, and the booking goes on. */
const failed = subject.extend({ code: z.string(), part: z.literal('EXTRA').optional() });
const DEPOSIT = 'RENTAL_DEPOSIT';

/** Events of ours after which something else of a vehicle is taken than before. */
const TAKES_OR_GIVES: ReadonlySet<string> = new Set([
  'booking.held',
  'booking.changed',
  'booking.cancelled',
  'booking.expired',
  'booking.returned',
  'booking.overdue',
  'booking.noShow',
  'block.placed',
  'block.lifted',
]);
const ofVehicle = z.object({ vehicleId: z.uuid(), previousVehicleId: z.uuid().optional() });

/** Vehicles of which our own event says that what is taken of them changed (GW-30). */
export function availabilityChanges({ type, payload }: PublishedEvent): Changed[] {
  if (!TAKES_OR_GIVES.has(type)) return [];
  const { vehicleId, previousVehicleId } = ofVehicle.parse(payload);
  return [{ kind: AVAILABILITY, ids: previousVehicleId ? [vehicleId, previousVehicleId] : [vehicleId] }];
}

/** What booking does on other domains' events. */
export function bookingConsumes(feed: LiveFeed): readonly Consumption[] {
  const fails = (type: string) =>
    consumption({
      type,
      payload: failed,
      apply: async (tx, { payload }) => {
        if (payload.subjectType === 'BOOKING' && payload.part !== 'EXTRA')
          await acceptPaymentFailure(tx, feed, { bookingId: payload.subjectId, code: payload.code });
        // A card that does not give what it promised gives nothing: the charges are then asked for by themselves.
        if (payload.subjectType === DEPOSIT)
          await keepDepositAnswer(tx, feed, payload.subjectId, { status: type === 'payment.declined' ? 'DECLINED' : 'RELEASED' });
      },
    });
  return [
    keeps('vehicle.created'),
    keeps('vehicle.updated'),
    keeps('vehicle.retired'),
    consumption({
      type: 'vehicle.moved',
      projection: true,
      payload: z.object({ vehicleId: z.uuid(), lat: z.number(), lng: z.number(), at: z.coerce.date() }),
      apply: (tx, { payload }) => keepPosition(tx, feed, payload),
    }),
    consumption({
      type: 'payment.authorised',
      payload: authorised,
      apply: async (tx, { payload }) => {
        if (payload.subjectType === DEPOSIT) await keepDepositAnswer(tx, feed, payload.subjectId, { status: 'HELD' });
        if (payload.subjectType !== 'BOOKING') return;
        await acceptAuthorisation(tx, feed, { bookingId: payload.subjectId, amount: { amountMinor: BigInt(payload.amountMinor), currency: payload.currency } });
      },
    }),
    consumption({
      type: 'payment.captured',
      payload: authorised,
      apply: async (tx, { payload: { subjectType, subjectId, amountMinor } }) => {
        if (subjectType === DEPOSIT) await keepDepositAnswer(tx, feed, subjectId, { status: 'CAPTURED', takenMinor: BigInt(amountMinor) });
      },
    }),
    consumption({
      type: 'payment.voided',
      payload: subject,
      apply: async (tx, { payload: { subjectType, subjectId } }) => {
        if (subjectType === DEPOSIT) await keepDepositAnswer(tx, feed, subjectId, { status: 'RELEASED' });
      },
    }),
    fails('payment.declined'),
    fails('payment.failed'),
    ...nothingOn('payment.refunded'),
  ];
}

export function bookingTimers(feed: LiveFeed, storage: Storage): TimerHandlers {
  return {
    [PHOTO_LEFTOVER]: (tx, { key }) => removeLeftoverPhoto(tx, storage, key),
    [HOLD_EXPIRY]: (tx, { key }) => expireHold(tx, feed, key),
    [REMINDER]: (tx, { key }) => remind(tx, key),
    [NO_SHOW]: (tx, { key }) => endNoShow(tx, feed, key),
    [BEHIND_VEHICLE]: (tx, { key }) => lookBehindVehicle(tx, feed, key),
    [OVERDUE_RETURN]: (tx, { key }) => markOverdue(tx, feed, key),
  };
}
