import { sql } from 'drizzle-orm';
import { bigint, boolean, doublePrecision, index, integer, jsonb, pgTable, primaryKey, text, timestamp, unique, uniqueIndex, uuid } from 'drizzle-orm/pg-core';

/** Multipliers of a price in thousandths. */
export interface PriceFactors {
  hourPermille: number;
  trafficPermille: number;
  eventPermille: number;
  surgePermille: number;
}

const at = (name: string) => timestamp(name, { withTimezone: true, mode: 'date' });
const minor = (name: string) => bigint(name, { mode: 'bigint' });

/** `version` grows with every change of state or approval, so that a late write of a cached copy does not undo a newer one. */
export const drivers = pgTable(
  'drivers',
  {
    id: uuid('id').primaryKey(),
    userId: uuid('user_id').notNull().unique(),
    vehicleId: uuid('vehicle_id').notNull().unique(),
    vehicleType: text('vehicle_type').notNull(),
    make: text('make').notNull(),
    model: text('model').notNull(),
    year: integer('year').notNull(),
    seats: integer('seats').notNull(),
    plate: text('plate').notNull(),
    licenceNumber: text('licence_number').notNull(),
    approval: text('approval').notNull(),
    state: text('state').notNull(),
    /** What fleet says of the car; only an ACTIVE one is on the road. */
    vehicleStatus: text('vehicle_status').notNull().default('ACTIVE'),
    /** POOR after repeated points that cannot be true (DP-08), and while payments suspects fraud: no offers then. */
    standing: text('standing').notNull().default('GOOD'),
    /** Since when the driver waits for a trip; null when not AVAILABLE. */
    availableSince: at('available_since'),
    starsSum: integer('stars_sum').notNull().default(0),
    starsCount: integer('stars_count').notNull().default(0),
    offeredCount: integer('offered_count').notNull().default(0),
    acceptedCount: integer('accepted_count').notNull().default(0),
    completedCount: integer('completed_count').notNull().default(0),
    cancelledCount: integer('cancelled_count').notNull().default(0),
    version: integer('version').notNull(),
    createdAt: at('created_at').notNull(),
  },
  (t) => [index('drivers_approval').on(t.approval, t.createdAt, t.id)],
);

/**
 * What a trip costs per vehicle type over a period; amounts in minor units of EGP (DP-10). Rows are added, never changed: they belong to a rate table
 * (`fare_tables`), and the newest table that has begun is the one that holds. The last period of a class in a table has no end.
 */
export const fareRates = pgTable(
  'fare_rates',
  {
    tableId: uuid('table_id').notNull(),
    vehicleType: text('vehicle_type').notNull(),
    effectiveFrom: at('effective_from').notNull(),
    effectiveUntil: at('effective_until'),
    baseMinor: integer('base_minor').notNull(),
    perKmMinor: integer('per_km_minor').notNull(),
    perMinuteMinor: integer('per_minute_minor').notNull(),
    minimumMinor: integer('minimum_minor').notNull(),
    bookingFeeMinor: integer('booking_fee_minor').notNull(),
    cancellationFeeMinor: integer('cancellation_fee_minor').notNull(),
    /** Seconds that a driver waits at the pickup for nothing (DP-16). */
    waitingFreeS: integer('waiting_free_s').notNull(),
    /** For each minute of waiting after that. */
    waitingPerMinuteMinor: integer('waiting_per_minute_minor').notNull(),
  },
  (t) => [primaryKey({ columns: [t.tableId, t.vehicleType, t.effectiveFrom] })],
);

export const tripQuotes = pgTable(
  'trip_quotes',
  {
    id: uuid('id').primaryKey(),
    ownerId: uuid('owner_id').notNull(),
    vehicleType: text('vehicle_type').notNull(),
    pickupLat: doublePrecision('pickup_lat').notNull(),
    pickupLng: doublePrecision('pickup_lng').notNull(),
    destinationLat: doublePrecision('destination_lat').notNull(),
    destinationLng: doublePrecision('destination_lng').notNull(),
    distanceM: integer('distance_m').notNull(),
    durationS: integer('duration_s').notNull(),
    fareMinor: minor('fare_minor').notNull(),
    currency: text('currency').notNull(),
    /** Lines of the price, amounts as digits of minor units; they add up to `fare_minor`. */
    items: jsonb('items').$type<{ label: string; amountMinor: string }[]>().notNull(),
    surgePermille: integer('surge_permille').notNull(),
    /** Why surge is above 1,000, as the rider was shown it. */
    surgeReason: text('surge_reason'),
    /** All multipliers that went into the price, in thousandths: a change of destination is priced with the same (DP-16). */
    factors: jsonb('factors').$type<PriceFactors>(),
    /** What the same trip would cost without surge, and with the most that surge can become while the quote is good. */
    lowMinor: minor('low_minor'),
    highMinor: minor('high_minor'),
    /** The trip whose destination it changes; null for a quote of a new trip. */
    tripId: uuid('trip_id'),
    /** When the rider agreed to the change of destination that it is for. */
    acceptedAt: at('accepted_at'),
    departAt: at('depart_at'),
    expiresAt: at('expires_at').notNull(),
    usedBy: uuid('used_by').unique(),
    createdAt: at('created_at').notNull(),
  },
  (t) => [index('trip_quotes_expiry').on(t.expiresAt)],
);

/** `sequence` is that of the newest row in `trip_states`. Which status may follow which is in `trip_transitions`, checked by a trigger. */
export const trips = pgTable(
  'trips',
  {
    id: uuid('id').primaryKey(),
    quoteId: uuid('quote_id')
      .notNull()
      .unique()
      .references(() => tripQuotes.id),
    status: text('status').notNull(),
    sequence: integer('sequence').notNull(),
    riderId: uuid('rider_id').notNull(),
    driverId: uuid('driver_id').references(() => drivers.id),
    driverUserId: uuid('driver_user_id'),
    vehicleType: text('vehicle_type').notNull(),
    pickupLat: doublePrecision('pickup_lat').notNull(),
    pickupLng: doublePrecision('pickup_lng').notNull(),
    /** H3 cell of the pickup, resolution 8: demand is counted by it. */
    pickupCell: text('pickup_cell').notNull(),
    destinationLat: doublePrecision('destination_lat').notNull(),
    destinationLng: doublePrecision('destination_lng').notNull(),
    quotedFareMinor: minor('quoted_fare_minor').notNull(),
    finalFareMinor: minor('final_fare_minor'),
    /** Part of the final fare: what the rider owes for letting the driver wait (DP-16). */
    waitingFeeMinor: minor('waiting_fee_minor'),
    feeMinor: minor('fee_minor'),
    currency: text('currency').notNull(),
    paymentMethod: text('payment_method').notNull(),
    /** How its driver is searched for; fixed when it is requested. */
    strategy: text('strategy').notNull().default('FIRST_ACCEPT'),
    /** The price of the bid that the rider chose, or of a change on the way; null when the quote holds. */
    agreedFareMinor: minor('agreed_fare_minor'),
    /** Counts changes of destination and price that the rider agreed to: offers of an earlier one are for another trip than it is now. */
    revision: integer('revision').notNull().default(0),
    /** Rounds of offers made so far, of the present revision. */
    searchRound: integer('search_round').notNull().default(0),
    departAt: at('depart_at'),
    requestedAt: at('requested_at').notNull(),
    acceptedAt: at('accepted_at'),
    arrivedAt: at('arrived_at'),
    startedAt: at('started_at'),
    completedAt: at('completed_at'),
    cancelledAt: at('cancelled_at'),
    cancelledBy: text('cancelled_by'),
    cancelReason: text('cancel_reason'),
    /** Encoded polyline of the way that was driven. */
    route: text('route'),
    routeDistanceM: integer('route_distance_m'),
    stars: integer('stars'),
    comment: text('comment'),
  },
  (t) => [
    uniqueIndex('trips_one_live_per_driver').on(t.driverId).where(sql`status in ('ACCEPTED', 'DRIVER_ARRIVED', 'STARTED')`),
    // Trips for later are not in it: one whose search begins while its rider still sits in another car has to find its driver all the same.
    uniqueIndex('trips_one_live_per_rider')
      .on(t.riderId)
      .where(sql`depart_at is null and status in ('REQUESTED', 'SEARCHING', 'ACCEPTED', 'DRIVER_ARRIVED', 'STARTED')`),
    index('trips_ahead_of_rider').on(t.riderId).where(sql`status = 'REQUESTED'`),
    index('trips_of_rider').on(t.riderId, t.requestedAt, t.id),
    index('trips_of_driver').on(t.driverUserId, t.requestedAt, t.id),
    index('trips_demand').on(t.pickupCell, t.requestedAt),
    index('trips_requested').on(t.requestedAt),
    index('trips_searching').on(t.requestedAt).where(sql`status = 'SEARCHING'`),
    index('trips_departures').on(t.departAt).where(sql`depart_at is not null`),
  ],
);

/** The gap-free log of a trip's states: what a resumed stream reads. */
export const tripStates = pgTable(
  'trip_states',
  {
    tripId: uuid('trip_id')
      .notNull()
      .references(() => trips.id),
    sequence: integer('sequence').notNull(),
    status: text('status').notNull(),
    at: at('at').notNull(),
    actorKind: text('actor_kind').notNull(),
  },
  (t) => [primaryKey({ columns: [t.tripId, t.sequence] })],
);

/** The one table of allowed changes of a trip; `trip.ts` holds the same rows, and a test compares them. */
export const tripTransitions = pgTable('trip_transitions', { fromStatus: text('from_status').notNull(), toStatus: text('to_status').notNull() }, (t) => [
  primaryKey({ columns: [t.fromStatus, t.toStatus] }),
]);

export const offers = pgTable(
  'offers',
  {
    id: uuid('id').primaryKey(),
    tripId: uuid('trip_id')
      .notNull()
      .references(() => trips.id),
    driverId: uuid('driver_id')
      .notNull()
      .references(() => drivers.id),
    driverUserId: uuid('driver_user_id').notNull(),
    status: text('status').notNull(),
    /** The trip's as it was offered. */
    revision: integer('revision').notNull().default(0),
    round: integer('round').notNull(),
    pickupDistanceM: integer('pickup_distance_m').notNull(),
    earningsMinor: minor('earnings_minor').notNull(),
    currency: text('currency').notNull(),
    /** What accepting it means: see `OFFER_TERMS`. */
    terms: text('terms').notNull().default('TAKE'),
    /** What the driver asks for, of an offer on which he bid. */
    bidMinor: minor('bid_minor'),
    declineReason: text('decline_reason'),
    /** Whether the driver was asked because he was the first in an airport's line (DP-07). */
    inLine: boolean('in_line').notNull().default(false),
    createdAt: at('created_at').notNull(),
    expiresAt: at('expires_at').notNull(),
    answeredAt: at('answered_at'),
  },
  (t) => [
    unique('offers_once_per_driver').on(t.tripId, t.driverId, t.revision),
    uniqueIndex('offers_one_pending_per_driver').on(t.driverId).where(sql`status = 'PENDING'`),
    index('offers_pending_of_user').on(t.driverUserId).where(sql`status = 'PENDING'`),
    uniqueIndex('offers_one_standby_per_trip').on(t.tripId).where(sql`status = 'STANDBY'`),
    index('offers_of_driver').on(t.driverId, t.createdAt),
  ],
);

/** Where each driver was last, written at most every 5 s; Redis has it to the second (DP-03). */
export const driverPositions = pgTable('driver_positions', {
  driverId: uuid('driver_id')
    .primaryKey()
    .references(() => drivers.id),
  lat: doublePrecision('lat').notNull(),
  lng: doublePrecision('lng').notNull(),
  heading: doublePrecision('heading'),
  speedKmh: doublePrecision('speed_kmh'),
  recordedAt: at('recorded_at').notNull(),
});

/** Every accepted point once: one that is sent again has the same key. No foreign key, as it is written in large batches and will be partitioned. */
export const driverLocationHistory = pgTable(
  'driver_location_history',
  {
    driverId: uuid('driver_id').notNull(),
    recordedAt: at('recorded_at').notNull(),
    receivedAt: at('received_at').notNull(),
    lat: doublePrecision('lat').notNull(),
    lng: doublePrecision('lng').notNull(),
    heading: doublePrecision('heading'),
    speedKmh: doublePrecision('speed_kmh'),
    accuracyM: doublePrecision('accuracy_m'),
  },
  (t) => [primaryKey({ columns: [t.driverId, t.recordedAt] })],
);

/** Dispatch's own copy of who owes for a trip (UNPAID_TRIP), fed by payments' events. */
export const unpaidTrips = pgTable(
  'unpaid_trips',
  { tripId: uuid('trip_id').primaryKey(), payerId: uuid('payer_id').notNull(), since: at('since').notNull() },
  (t) => [index('unpaid_trips_payer').on(t.payerId)],
);

/** Dispatch's own copy of who is suspected of fraud, or was found out (PL-21), fed by payments' events; a flag that was cleared is not here. */
export const fraudFlags = pgTable(
  'fraud_flags',
  { flagId: uuid('flag_id').primaryKey(), userId: uuid('user_id').notNull(), isConfirmed: boolean('is_confirmed').notNull(), since: at('since').notNull() },
  (t) => [index('fraud_flags_user').on(t.userId)],
);
