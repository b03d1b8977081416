import { anyone, only, onlyOwner, onlyScope, type Permissions } from '../../platform/permissions.js';
import type { SameForAll } from '../../platform/sameForAll.js';

export const fleetPermissions: Permissions = {
  Query: {
    vehicle: anyone,
    vehicles: anyone,
    stations: anyone,
    imageUpload: only('ADMIN'),
  },
  Mutation: {
    createVehicle: only('ADMIN'),
    updateVehicle: only('ADMIN'),
    retireVehicle: only('ADMIN'),
    reportVehiclePositions: onlyScope('locations:write'),
    requestImageUpload: only('ADMIN'),
    orderVehicleImages: only('ADMIN'),
    deleteVehicleImage: only('ADMIN'),
  },
  Vehicle: {
    plate: onlyOwner(() => null),
    imageUploads: onlyOwner(() => null),
    lastPosition: onlyOwner(() => null),
    utilisation: onlyOwner(() => null),
  },
  Station: {
    utilisation: onlyOwner(() => null),
  },
};

/** A car's public card. Where it is parked and what it earns are not on it. */
export const fleetSameForAll: SameForAll = {
  Vehicle: ['id', 'slug', 'make', 'model', 'year', 'category', 'fuelType', 'transmission', 'seats', 'features'],
};
