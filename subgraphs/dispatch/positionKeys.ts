import { VEHICLE_TYPES, type VehicleType } from './vehicleType.js';

/** All keys of a city carry one hash tag, so that scripts may touch them together on a cluster. */
const PREFIX = 'dispatch:{cairo}:';

/** Places of the drivers of a type who are free. */
export const availableKey = (type: VehicleType) => `${PREFIX}available:${type}`;
export const AVAILABLE_KEYS = VEHICLE_TYPES.map(availableKey);
/** Where a driver was last, and what is remembered of the track. */
export const factsKey = (driverId: string) => `${PREFIX}facts:${driverId}`;
/** There while the device sends. */
export const presenceKey = (driverId: string) => `${PREFIX}here:${driverId}`;
/** Copy of what Postgres says of a driver. */
export const standingKey = (driverId: string) => `${PREFIX}standing:${driverId}`;
/** Which driver a person is. */
export const driverOfUserKey = (userId: string) => `${PREFIX}driver-of:${userId}`;
/** There as long as Redis has all that it ever was told: gone with everything else when it lost its memory. */
export const BUILT_KEY = `${PREFIX}built`;
