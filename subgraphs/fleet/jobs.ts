import { z } from 'zod';
import { type Consumption, consumption, nothingOn } from '../../platform/consumer.js';
import { cachedOf, keepBusyRange, keepPastRental, keepRideVehicle, moveToStation, timesChanged } from './commands.js';

const driverRegistered = consumption({
  type: 'driver.registered',
  projection: true,
  payload: z.object({
    vehicle: z.object({
      vehicleId: z.uuid(),
      make: z.string(),
      model: z.string(),
      year: z.int(),
      category: z.string(),
      seats: z.int(),
      plate: z.string(),
    }),
  }),
  changes: ({ vehicle }) => cachedOf(vehicle.vehicleId),
  apply: (tx, { payload }) => keepRideVehicle(tx, payload.vehicle),
});

const blockingBooking = z.object({
  bookingId: z.uuid(),
  vehicleId: z.uuid(),
  blockedFrom: z.coerce.date(),
  blockedTo: z.coerce.date(),
  returnAt: z.coerce.date().optional(),
});
const endedBooking = z.object({ bookingId: z.uuid() });

const blocks = (type: string) =>
  consumption({
    type,
    projection: true,
    payload: blockingBooking,
    changes: () => timesChanged,
    apply: (tx, { payload }) =>
      keepBusyRange(tx, {
        bookingId: payload.bookingId,
        vehicleId: payload.vehicleId,
        from: payload.blockedFrom,
        to: payload.blockedTo,
        // Nobody knows when an overdue car will be back.
        returnAt: type === 'booking.overdue' ? null : payload.returnAt,
      }),
  });

const frees = (type: string) =>
  consumption({
    type,
    projection: true,
    payload: endedBooking,
    changes: () => timesChanged,
    apply: (tx, { payload }) => keepBusyRange(tx, { bookingId: payload.bookingId, free: true }),
  });

const returned = consumption({
  type: 'booking.returned',
  projection: true,
  payload: z.object({ bookingId: z.uuid(), vehicleId: z.uuid(), returnedAt: z.coerce.date() }),
  changes: () => timesChanged,
  apply: (tx, { payload }) => keepPastRental(tx, payload),
});

/** Not a copy of anything: replayed, it would take a car back to where it was left long ago. */
const leftElsewhere = consumption({
  type: 'booking.leftElsewhere',
  payload: z.object({ vehicleId: z.uuid(), stationId: z.uuid() }),
  changes: ({ vehicleId }) => cachedOf(vehicleId),
  apply: (tx, { payload }) => moveToStation(tx, payload),
});

const block = z.object({ blockId: z.uuid(), vehicleId: z.uuid(), blockedFrom: z.coerce.date(), blockedTo: z.coerce.date() });

/** An owner's block keeps a car from customers as a booking does. */
const blockPlaced = consumption({
  type: 'block.placed',
  projection: true,
  payload: block,
  changes: () => timesChanged,
  apply: (tx, { payload }) =>
    keepBusyRange(tx, { bookingId: payload.blockId, kind: 'BLOCK', vehicleId: payload.vehicleId, from: payload.blockedFrom, to: payload.blockedTo }),
});
const blockLifted = consumption({
  type: 'block.lifted',
  projection: true,
  payload: z.object({ blockId: z.uuid() }),
  changes: () => timesChanged,
  apply: (tx, { payload }) => keepBusyRange(tx, { bookingId: payload.blockId, free: true }),
});

/** What fleet does on other domains' events. */
export const fleetConsumes: readonly Consumption[] = [
  driverRegistered,
  blocks('booking.held'),
  blocks('booking.changed'),
  blocks('booking.overdue'),
  blockPlaced,
  blockLifted,
  frees('booking.cancelled'),
  frees('booking.expired'),
  returned,
  leftElsewhere,
  frees('booking.noShow'),
  ...nothingOn('booking.confirmed', 'booking.started', 'booking.atRisk', 'driver.suspended'),
];
