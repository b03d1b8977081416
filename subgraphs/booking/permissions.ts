import { uuidOf } from '../../platform/ids.js';
import { anyone, only, onlyOwner, type Permissions, signedIn } from '../../platform/permissions.js';
import type { User } from './types.js';

/** A booking that is not the actor's is answered as one that does not exist (BK-13), so these rules only ask who is signed in. */
export const bookingPermissions: Permissions = {
  Query: {
    booking: signedIn,
    bookings: only('ADMIN'),
    stationCalendar: only('ADMIN'),
    vehicleBlocks: only('ADMIN'),
  },
  Mutation: {
    quoteRental: signedIn,
    createBooking: signedIn,
    cancelBooking: signedIn,
    changeBooking: signedIn,
    replaceVehicle: signedIn,
    swapVehicles: only('ADMIN'),
    startRental: only('ADMIN'),
    returnRental: only('ADMIN'),
    expectLateReturn: only('ADMIN'),
    blockVehicle: only('ADMIN'),
    unblockVehicle: only('ADMIN'),
    savePromotion: only('ADMIN'),
    requestRentalPhoto: only('ADMIN'),
  },
  // Shield guards what the stream shows; who may open it is decided in its `subscribe`.
  Subscription: {
    bookingUpdated: signedIn,
    bookingsFeed: only('ADMIN'),
  },
  User: {
    bookings: onlyOwner((user: User) => uuidOf('usr', user.id)),
  },
  Vehicle: {
    availability: anyone,
    calendar: anyone,
  },
};
