import { uuidOf } from '../../platform/ids.js';
import { only, onlyOwner, onlyScope, type Permissions, signedIn } from '../../platform/permissions.js';
import type { User } from './types.js';

/** Whose trip or offer it is, commands and row-level security decide; subscriptions are authorised where they begin. */
export const dispatchPermissions: Permissions = {
  Query: {
    trip: signedIn,
    myDriver: only('DRIVER'),
    drivers: only('ADMIN'),
    nearbyDrivers: signedIn,
    surgeMap: signedIn,
  },
  Mutation: {
    registerDriver: only('DRIVER'),
    approveDriver: only('ADMIN'),
    goOnline: only('DRIVER'),
    goOffline: only('DRIVER'),
    updateLocation: only('DRIVER'),
    updateLocations: only('DRIVER'),
    ingestLocations: onlyScope('locations:write'),
    quoteTrip: signedIn,
    requestTrip: signedIn,
    acceptOffer: only('DRIVER'),
    declineOffer: only('DRIVER'),
    arriveAtPickup: only('DRIVER'),
    startTrip: only('DRIVER'),
    completeTrip: only('DRIVER'),
    cancelTrip: signedIn,
    rateTrip: signedIn,
  },
  Subscription: {
    tripUpdates: signedIn,
    driverOffers: only('DRIVER'),
  },
  User: {
    trips: onlyOwner((user: User) => uuidOf('usr', user.id)),
  },
};
