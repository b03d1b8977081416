import { distanceM, type Place } from '../point.js';

export interface Leg {
  distanceM: number;
  durationS: number;
}

/** A leg as somebody who knows the streets and their traffic gave it. */
export interface Route extends Leg {
  /**
   * Traffic beyond what is usual at that hour, in thousandths of the usual duration, never under 1,000. Usual traffic is in `durationS` and in the hour's
   * multiplier already.
   */
  trafficPermille: number;
  /** Who said so: the routing server, or our own model. */
  source: 'OSRM' | 'LOCAL';
}

/** Port to whoever knows the streets (DP-15). */
export interface Routing {
  /** Our own estimate, at once: for positions and pickup times, of which there are thousands. */
  leg(from: Place, to: Place, departAt: Date): Leg;
  /** The way that a price is made of. @throws Refusal NO_ROUTE when no street leads there */
  route(from: Place, to: Place, departAt: Date): Promise<Route>;
  /** Seconds that cars make of a metre at that hour, for estimates by the hundred. */
  speedKmh(at: Date): number;
  /** How it is, for `systemHealth` and logs. */
  state(): RoutingState;
  stop(): void;
}

export interface RoutingState {
  adapter: 'osrm' | 'local';
  /** Open: the server has failed, and the model answers in its place. */
  breaker: 'CLOSED' | 'OPEN' | 'HALF_OPEN';
  /** Answers from the server, from the cache, and from the model in place of the server. */
  answered: { server: number; cache: number; model: number };
}

/** How much longer streets are than the straight line; Cairo's measured circuity is near this. */
export const ROAD_FACTOR = 1.3;
/** Kilometres per hour by the local hour: slow at both rush hours, fast at night. */
const SPEED_KMH = [40, 42, 45, 45, 45, 42, 35, 24, 20, 22, 26, 26, 25, 24, 23, 22, 20, 18, 18, 20, 24, 28, 32, 36] as const;
const OTHER_SPEED_KMH = 25;

/** Deterministic: straight line, road factor, speed by the hour of the city's clock. What remains when no routing server answers. */
export function localRouting(localHour: (at: Date) => number): Routing {
  const speedKmh = (at: Date) => SPEED_KMH[localHour(at)] ?? OTHER_SPEED_KMH;
  let answered = 0;
  const leg = (from: Place, to: Place, departAt: Date): Leg => {
    const meters = distanceM(from, to) * ROAD_FACTOR;
    return { distanceM: Math.round(meters), durationS: Math.round((meters / 1000 / speedKmh(departAt)) * 3600) };
  };
  return {
    leg,
    speedKmh,
    route: async (from, to, departAt) => {
      answered += 1;
      return { ...leg(from, to, departAt), trafficPermille: 1_000, source: 'LOCAL' };
    },
    state: () => ({ adapter: 'local', breaker: 'CLOSED', answered: { server: 0, cache: 0, model: answered } }),
    stop: () => {},
  };
}
