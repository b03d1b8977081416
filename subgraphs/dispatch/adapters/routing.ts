import { distanceM, type Place } from '../point.js';

export interface Leg {
  distanceM: number;
  durationS: number;
}

/** Port to whoever knows the streets (DP-15). */
export interface Routing {
  leg(from: Place, to: Place, departAt: Date): Leg;
}

/** How much longer streets are than the straight line; Cairo's measured circuity is near this. */
const ROAD_FACTOR = 1.3;
/** Kilometres per hour by the local hour: slow at both rush hours, fast at night. */
const SPEED_KMH = [40, 42, 45, 45, 45, 42, 35, 24, 20, 22, 26, 26, 25, 24, 23, 22, 20, 18, 18, 20, 24, 28, 32, 36] as const;

/** Deterministic: straight line, road factor, speed by the hour of the city's clock. What remains when no routing server answers. */
export function localRouting(localHour: (at: Date) => number): Routing {
  return {
    leg: (from, to, departAt) => {
      const meters = distanceM(from, to) * ROAD_FACTOR;
      const speedKmh = SPEED_KMH[localHour(departAt)] ?? 25;
      return { distanceM: Math.round(meters), durationS: Math.round((meters / 1000 / speedKmh) * 3600) };
    },
  };
}
