import { z } from 'zod';
import { eventType } from '../../platform/outbox.js';
import { PARTIES, PAYMENT_METHODS } from './trip.js';
import { VEHICLE_TYPES } from './vehicleType.js';

const minor = z.string().regex(/^\d+$/);
const vehicleType = z.enum(VEHICLE_TYPES);

export const driverRegistered = eventType({
  type: 'driver.registered',
  version: 1,
  aggregateType: 'driver',
  consumers: ['fleet', 'payments-ledger', 'inbox'],
  payload: z.object({
    driverId: z.uuid(),
    userId: z.uuid(),
    vehicleType,
    vehicle: z.object({ vehicleId: z.uuid(), make: z.string(), model: z.string(), year: z.int(), category: vehicleType, seats: z.int(), plate: z.string() }),
  }),
});

export const driverApproved = eventType({
  type: 'driver.approved',
  version: 1,
  aggregateType: 'driver',
  consumers: ['payments-ledger', 'inbox'],
  payload: z.object({ driverId: z.uuid(), userId: z.uuid() }),
});

/** Why is not said here: an admin's words may hold what is nobody else's business (EV-02). */
export const driverSuspended = eventType({
  type: 'driver.suspended',
  version: 1,
  aggregateType: 'driver',
  consumers: ['fleet', 'payments-ledger', 'inbox'],
  payload: z.object({ driverId: z.uuid(), userId: z.uuid() }),
});

const tripEvent = <S extends z.ZodType>(type: string, consumers: readonly string[], payload: S) =>
  eventType({ type, version: 1, aggregateType: 'trip', consumers, payload });
const trip = z.object({ tripId: z.uuid(), riderId: z.uuid() });
const fare = z.object({ vehicleType, fareMinor: minor, currency: z.string(), paymentMethod: z.enum(PAYMENT_METHODS) });

/** `riderId` and `driverUserId` are users; `driverId` is the driver's own id. `departAt` is null for now: the fare is held until after it. */
export const tripRequested = tripEvent(
  'trip.requested',
  ['payments-ledger'],
  trip.extend(fare.shape).extend({ paymentToken: z.string().nullable(), departAt: z.iso.datetime().nullable() }),
);
export const tripAccepted = tripEvent('trip.accepted', ['payments-ledger', 'inbox'], trip.extend({ driverId: z.uuid(), driverUserId: z.uuid() }));
export const tripArrived = tripEvent('trip.arrived', ['inbox'], trip.extend({ driverUserId: z.uuid() }));
export const tripStarted = tripEvent('trip.started', ['inbox'], trip.extend({ driverUserId: z.uuid() }));
/** The rider agreed to another destination, and to what the whole trip costs with it. */
export const tripRouteChanged = tripEvent(
  'trip.routeChanged',
  ['inbox'],
  trip.extend({ driverUserId: z.uuid().nullable(), fareMinor: minor, currency: z.string() }),
);
export const tripCompleted = tripEvent('trip.completed', ['payments-ledger', 'inbox'], trip.extend(fare.shape).extend({ driverUserId: z.uuid() }));
export const tripCancelled = tripEvent(
  'trip.cancelled',
  ['payments-ledger', 'inbox'],
  trip.extend({ driverUserId: z.uuid().nullable(), by: z.enum(PARTIES), feeMinor: minor, currency: z.string() }),
);
export const tripNoDrivers = tripEvent('trip.noDrivers', ['payments-ledger', 'inbox'], trip);
