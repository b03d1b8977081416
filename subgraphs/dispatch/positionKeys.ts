import { VEHICLE_TYPES, type VehicleType } from './vehicleType.js';

/**
 * All keys of a city carry one hash tag, so that scripts may touch them together on a cluster. The number is that of the form of what is kept, which
 * processes of another version could not read: they keep their own beside it, built from Postgres as after a loss. What they
 * leave behind expires, but for the four sets, in which nobody looks any more.
 */
const PREFIX = 'dispatch:{cairo}:2:';

/** Places of the drivers of a type who are free. */
export const availableKey = (type: VehicleType) => `${PREFIX}available:${type}`;
export const AVAILABLE_KEYS = VEHICLE_TYPES.map(availableKey);
/** Where a driver was last, and what is remembered of the track: see `positionValues.ts`. */
export const factsKey = (driverId: string) => `${PREFIX}facts:${driverId}`;
/** Copy of what Postgres says of a driver: see `positionValues.ts`. */
export const standingKey = (driverId: string) => `${PREFIX}standing:${driverId}`;
/** Which driver a person is. */
export const driverOfUserKey = (userId: string) => `${PREFIX}driver-of:${userId}`;
/** There as long as Redis has all that it ever was told: gone with everything else when it lost its memory. */
export const BUILT_KEY = `${PREFIX}built`;
