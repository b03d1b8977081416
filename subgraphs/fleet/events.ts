import { z } from 'zod';
import { eventType } from '../../platform/outbox.js';

/** What booking and dispatch keep of a vehicle. Amounts are decimal digits of minor units. */
const vehicleFacts = z.object({
  vehicleId: z.uuid(),
  use: z.enum(['RENTAL', 'RIDE']),
  status: z.enum(['ACTIVE', 'MAINTENANCE', 'RETIRED']),
  category: z.string(),
  dailyRateMinor: z.string().regex(/^\d+$/),
  currency: z.string(),
  stationId: z.uuid().nullable(),
  /** IANA time zone of the station, by whose clock rental days are counted. */
  timeZone: z.string(),
  /** Where that station is; null without one. */
  stationPosition: z.object({ lat: z.number(), lng: z.number() }).nullable().optional(),
  /** Words for agreements and mails, such as "Toyota Corolla 2024". */
  title: z.string(),
});

const consumers = ['booking', 'dispatch'] as const;

export const vehicleCreated = eventType({ type: 'vehicle.created', version: 1, aggregateType: 'vehicle', payload: vehicleFacts, consumers });
export const vehicleUpdated = eventType({ type: 'vehicle.updated', version: 1, aggregateType: 'vehicle', payload: vehicleFacts, consumers });
export const vehicleRetired = eventType({ type: 'vehicle.retired', version: 1, aggregateType: 'vehicle', payload: vehicleFacts, consumers });

/** Where a rental car is, to about a hundred metres, told every few minutes while it moves. */
export const vehicleMoved = eventType({
  type: 'vehicle.moved',
  version: 1,
  aggregateType: 'vehicle',
  payload: z.object({ vehicleId: z.uuid(), lat: z.number(), lng: z.number(), at: z.iso.datetime() }),
  consumers: ['booking'],
});
