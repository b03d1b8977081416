import { uuidOf } from '../../platform/ids.js';
import { anyone, only, onlyOwner, onlyScope, type Permissions, signedIn } from '../../platform/permissions.js';
import type { SameForAll } from '../../platform/sameForAll.js';
import type { User } from './types.js';

/** Whose trip or offer it is, commands and row-level security decide; subscriptions are authorised where they begin. */
export const dispatchPermissions: Permissions = {
  Query: {
    trip: signedIn,
    myDriver: only('DRIVER'),
    drivers: only('ADMIN'),
    nearbyDrivers: signedIn,
    surgeMap: signedIn,
    zones: signedIn,
    locationFlags: only('ADMIN'),
    fareRates: signedIn,
    fareTables: only('ADMIN'),
    priceEvents: only('ADMIN'),
    repositionHint: only('DRIVER'),
    routingState: only('ADMIN'),
    matchingSettings: only('ADMIN'),
    myDrivers: signedIn,
    matchingHealth: only('ADMIN'),
    matchingMetrics: only('ADMIN'),
    sharedTrip: anyone,
  },
  Mutation: {
    registerDriver: only('DRIVER'),
    requestDriverDocument: only('DRIVER'),
    approveDriver: only('ADMIN'),
    suspendDriver: only('ADMIN'),
    createZone: only('ADMIN'),
    retireZone: only('ADMIN'),
    goOnline: only('DRIVER'),
    goOffline: only('DRIVER'),
    updateLocation: only('DRIVER'),
    updateLocations: only('DRIVER'),
    ingestLocations: onlyScope('locations:write'),
    quoteTrip: signedIn,
    quoteDestinationChange: signedIn,
    changeDestination: signedIn,
    publishFareTable: only('ADMIN'),
    createPriceEvent: only('ADMIN'),
    endPriceEvent: only('ADMIN'),
    requestTrip: signedIn,
    acceptOffer: only('DRIVER'),
    declineOffer: only('DRIVER'),
    arriveAtPickup: only('DRIVER'),
    startTrip: only('DRIVER'),
    completeTrip: only('DRIVER'),
    cancelTrip: signedIn,
    rateTrip: signedIn,
    favouriteDriver: signedIn,
    blockDriver: signedIn,
    forgetDriver: signedIn,
    shareTrip: signedIn,
    stopSharing: signedIn,
    bidOnOffer: only('DRIVER'),
    chooseBid: signedIn,
    setMatchingStrategy: only('ADMIN'),
  },
  Subscription: {
    tripUpdates: signedIn,
    driverOffers: only('DRIVER'),
    nearbyDriversUpdated: signedIn,
    tripBids: signedIn,
    sharedTripUpdates: anyone,
  },
  User: {
    trips: onlyOwner((user: User) => uuidOf('usr', user.id)),
  },
};

/**
 * What rider, driver and admins see alike when they watch a trip (GW-11). Not where a driver is and what he does outside of the trip's own updates: that
 * depends on who asks (`mayFollow`). A rider's or driver's person is here by id alone; what else of them is shown, identity says.
 */
export const dispatchSameForAll: SameForAll = {
  Subscription: ['tripUpdates'],
  TripUpdate: ['sequence', 'kind', 'status', 'trip', 'position', 'heading', 'etaSeconds', 'at'],
  Trip: [
    ...['id', 'status', 'vehicleType', 'pickup', 'destination', 'quotedFare', 'finalFare', 'paymentMethod', 'route', 'routeDistanceM', 'sequence'],
    ...['departAt', 'requestedAt', 'acceptedAt', 'arrivedAt', 'startedAt', 'completedAt', 'cancelledAt', 'cancelledBy', 'cancelReason', 'fee', 'stars'],
    ...['rider', 'driver'],
  ],
  Driver: ['id', 'user', 'vehicle', 'vehicleType', 'plate', 'rating', 'completedTrips'],
  User: ['id'],
  Vehicle: ['id'],
  Point: ['lat', 'lng'],
  Money: ['amount', 'currency'],
};
