import { moneyType } from '../../platform/graphqlTypes.js';
import { publicId } from '../../platform/ids.js';
import { type DriverRow, ratingOf } from './driver.js';
import { TripQuote } from './mapTypes.js';
import type { OfferRow } from './offerQueries.js';
import type { Quoted } from './quoteCommands.js';
import { destinationOf, pickupOf, type TripRow } from './trip.js';
import type { TripUpdateSource } from './tripStream.js';
import { Driver, Offer, Trip, TripUpdate, User, Vehicle } from './types.js';

/** A reference to a person; what of them is visible, identity says. Only for who may know that person's name (ID-07b). */
export function userReference(uuid: string): User {
  return Object.assign(new User(), { id: publicId('usr', uuid) });
}

export function toDriver(row: DriverRow): Driver {
  const id = publicId('drv', row.id);
  return Object.assign(new Driver(), {
    id,
    ref: id,
    uuid: row.id,
    userId: row.userId,
    user: userReference(row.userId),
    vehicle: Object.assign(new Vehicle(), { id: publicId('veh', row.vehicleId) }),
    vehicleType: row.vehicleType,
    plate: row.plate,
    approval: row.approval,
    presentState: row.state,
    rating: ratingOf(row),
    completedTrips: row.completedCount,
    registeredAt: row.createdAt,
  });
}

export function toTrip(row: TripRow): Trip {
  const id = publicId('trp', row.id);
  const { currency } = row;
  const money = (amountMinor: bigint | null) => (amountMinor === null ? null : moneyType({ amountMinor, currency }));
  return Object.assign(new Trip(), {
    ...row,
    id,
    ref: id,
    pickup: pickupOf(row),
    destination: destinationOf(row),
    quotedFare: moneyType({ amountMinor: row.quotedFareMinor, currency }),
    finalFare: money(row.finalFareMinor),
    fee: money(row.feeMinor),
  });
}

export function toOffer(row: OfferRow, trip?: TripRow | null): Offer {
  return Object.assign(new Offer(), {
    id: publicId('ofr', row.id),
    status: row.status,
    expiresAt: row.expiresAt,
    pickupDistanceM: row.pickupDistanceM,
    estimatedEarnings: moneyType({ amountMinor: row.earningsMinor, currency: row.currency }),
    tripId: row.tripId,
    terms: row.terms,
    bidMinor: row.bidMinor,
    currency: row.currency,
    ...(trip !== undefined && { trip: trip && toTrip(trip) }),
  });
}

export function toQuote({ quote, pickupEtaSeconds }: Quoted): TripQuote {
  const surge = quote.surgePermille / 1000;
  return Object.assign(new TripQuote(), {
    id: publicId('tqt', quote.id),
    vehicleType: quote.vehicleType,
    price: moneyType({ amountMinor: quote.fareMinor, currency: quote.currency }),
    priceRange: {
      low: moneyType({ amountMinor: quote.lowMinor ?? quote.fareMinor, currency: quote.currency }),
      high: moneyType({ amountMinor: quote.highMinor ?? quote.fareMinor, currency: quote.currency }),
    },
    multipliers: quote.factors && {
      timeOfDay: quote.factors.hourPermille / 1000,
      traffic: quote.factors.trafficPermille / 1000,
      event: quote.factors.eventPermille / 1000,
      surge: quote.factors.surgePermille / 1000,
    },
    lines: quote.items.map((line) => ({ label: line.label, amount: moneyType({ amountMinor: BigInt(line.amountMinor), currency: quote.currency }) })),
    distanceM: quote.distanceM,
    pickupEtaSeconds,
    tripEtaSeconds: quote.durationS,
    surge,
    surgeReason: quote.surgeReason,
    departAt: quote.departAt,
    expiresAt: quote.expiresAt,
  });
}

export function toUpdate(source: TripUpdateSource): TripUpdate {
  return Object.assign(new TripUpdate(), {
    sequence: source.sequence,
    kind: source.kind,
    status: source.status,
    trip: toTrip(source.trip),
    position: source.seen?.place ?? null,
    heading: source.seen?.heading ?? null,
    etaSeconds: source.etaSeconds,
    at: source.at,
  });
}
