import { cellToLatLng, latLngToCell } from 'h3-js';
import { Refusal } from '../../platform/errors.js';
import { distanceM, type Place } from './point.js';
import type { Positions } from './positions.js';
import type { NearbyDriver } from './ringSearch.js';
import { VEHICLE_TYPES } from './vehicleType.js';

/** Live maps of the free drivers around a place (DP-07b). Who looks at the same part of the city shares one search per second. */
export interface NearbyMap {
  /** The drivers now, and then again whenever something has changed, at most once a second; a slow reader gets the newest. Never ends by itself. */
  watch(near: Place, radiusKm: number): AsyncIterableIterator<NearbyDriver[]>;
  /** Maps that are searched for at the moment. */
  open(): number;
  stop(): void;
}

const FRAME_EVERY_MS = 1_000;
/** Drivers in one frame. */
const MAX_DRIVERS = 100;
/** Different maps per process: one search a second each. */
const MAX_MAPS = 1_000;
/** Cells of about 350 m across: whose places are nearer than that to each other share a map. */
const CELL_RESOLUTION = 9;
/** A place may be this far from the middle of its cell; searches reach further by it, so that nobody at the edge is missing. */
const CELL_RADIUS_KM = 0.25;

interface SharedMap {
  frame: readonly NearbyDriver[] | null;
  /** Grows with every frame that differs from the one before. */
  version: number;
  wakers: Set<() => void>;
  looking: NodeJS.Timeout;
}

export function openNearbyMap(options: { positions: Pick<Positions, 'nearby'>; onError: (error: unknown, what: string) => void }): NearbyMap {
  const { positions, onError } = options;
  const maps = new Map<string, SharedMap>();

  const join = (key: string, centre: Place, radiusKm: number): SharedMap => {
    const present = maps.get(key);
    if (present) return present;
    if (maps.size >= MAX_MAPS)
      throw new Refusal('DEPENDENCY_UNAVAILABLE', 'Too many maps are being watched. Ask `nearbyDrivers` meanwhile.', { retryAfter: 30 });
    let isSearching = false;
    const search = async () => {
      if (isSearching) return;
      isSearching = true;
      try {
        const frame = await positions.nearby(centre, radiusKm + CELL_RADIUS_KM, VEHICLE_TYPES, MAX_DRIVERS);
        if (map.frame !== null && isSame(map.frame, frame)) return;
        map.frame = frame;
        map.version += 1;
        for (const wake of map.wakers) wake();
      } catch (error) {
        // While Redis is down the map stands still; what was on it is shown again as soon as it is back.
        onError(error, 'map not searched');
      } finally {
        isSearching = false;
      }
    };
    const map: SharedMap = { frame: null, version: 0, wakers: new Set(), looking: setInterval(() => void search(), FRAME_EVERY_MS) };
    maps.set(key, map);
    void search();
    return map;
  };

  return {
    watch: (near, radiusKm) => {
      const cell = latLngToCell(near.lat, near.lng, CELL_RESOLUTION);
      const [lat, lng] = cellToLatLng(cell);
      const key = `${cell} ${radiusKm}`;
      const map = join(key, { lat, lng }, radiusKm);
      let shown = 0;
      let isOver = false;
      let wake: () => void = () => {};
      const ring = () => wake();
      map.wakers.add(ring);
      const stream: AsyncIterableIterator<NearbyDriver[]> = {
        next: async () => {
          while (!isOver && map.version === shown) {
            await new Promise<void>((resolve) => {
              wake = resolve;
            });
          }
          if (isOver) return { value: undefined, done: true };
          shown = map.version;
          return { value: seenFrom(near, radiusKm, map.frame ?? []), done: false };
        },
        return: async () => {
          isOver = true;
          wake();
          map.wakers.delete(ring);
          if (map.wakers.size === 0 && maps.get(key) === map) {
            clearInterval(map.looking);
            maps.delete(key);
          }
          return { value: undefined, done: true };
        },
        [Symbol.asyncIterator]: () => stream,
      };
      return stream;
    },
    open: () => maps.size,
    stop: () => {
      for (const map of maps.values()) clearInterval(map.looking);
      maps.clear();
    },
  };
}

/** The shared frame from where one watcher stands. */
function seenFrom(near: Place, radiusKm: number, frame: readonly NearbyDriver[]): NearbyDriver[] {
  return frame
    .map((driver) => ({ ...driver, distanceM: Math.round(distanceM(near, driver.place)) }))
    .filter((driver) => driver.distanceM <= radiusKm * 1000)
    .sort((a, b) => a.distanceM - b.distanceM);
}

/** A driver who stands still and goes on sending is no news: his time alone makes no frame, until it would be old enough to matter to a client. */
const TIME_MATTERS_MS = 10_000;

function isSame(before: readonly NearbyDriver[], after: readonly NearbyDriver[]): boolean {
  return (
    before.length === after.length &&
    before.every((driver, i) => {
      const other = after[i];
      return (
        other !== undefined &&
        driver.driverId === other.driverId &&
        driver.place.lat === other.place.lat &&
        driver.place.lng === other.place.lng &&
        driver.heading === other.heading &&
        other.at.getTime() - driver.at.getTime() < TIME_MATTERS_MS
      );
    })
  );
}
