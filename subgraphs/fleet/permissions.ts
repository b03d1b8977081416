import { anyone, only, onlyOwner, type Permissions } from '../../platform/permissions.js';

export const fleetPermissions: Permissions = {
  Query: {
    vehicle: anyone,
    vehicles: anyone,
    stations: anyone,
  },
  Mutation: {
    createVehicle: only('ADMIN'),
    updateVehicle: only('ADMIN'),
    retireVehicle: only('ADMIN'),
  },
  Vehicle: {
    plate: onlyOwner(() => null),
    utilisation: onlyOwner(() => null),
  },
  Station: {
    utilisation: onlyOwner(() => null),
  },
};
