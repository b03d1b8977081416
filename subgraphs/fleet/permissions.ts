import type { CacheHints } from '../../platform/cacheHints.js';
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

/** Seconds for which browsers and proxies may show a car or a list without asking; we ourselves forget it as soon as it changes. */
const SHOWN_FOR_S = 60;

/** What the public pages of the fleet show. Whether a car is free is not here: nobody could take that back once a proxy has it. */
export const fleetCached: CacheHints = {
  roots: { vehicle: SHOWN_FOR_S, vehicles: SHOWN_FOR_S, stations: SHOWN_FOR_S },
  parts: {
    Vehicle: [...(fleetSameForAll.Vehicle ?? []), ...['dailyRate', 'status', 'use', 'station', 'position', 'images', 'version', 'createdAt']],
    Station: ['id', 'name', 'address', 'position', 'timeZone', 'openingHours'],
    VehicleImage: ['id', 'url', 'alt', 'width', 'height', 'variants'],
    VehicleImageVariant: ['size', 'format', 'url', 'width', 'height', 'bytes'],
    VehicleConnection: ['edges', 'nodes', 'pageInfo', 'totalCount', 'totalCountIsFloor', 'facets'],
    VehicleEdge: ['cursor', 'node'],
    VehicleFacets: ['categories', 'fuelTypes', 'priceBands'],
    CategoryCount: ['category', 'count'],
    FuelCount: ['fuelType', 'count'],
    PriceBandCount: ['from', 'below', 'count'],
    PageInfo: ['hasNextPage', 'hasPreviousPage', 'startCursor', 'endCursor'],
    Money: ['amount', 'currency'],
    Point: ['lat', 'lng'],
  },
};
