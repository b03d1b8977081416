import { cellToLatLng, latLngToCell } from 'h3-js';
import { Agent, request } from 'undici';
import { z } from 'zod';
import { Refusal } from '../../../platform/errors.js';
import { distanceM, type Place } from '../point.js';
import type { Leg, Route, Routing, RoutingState } from './routing.js';

/** A quote waits for this long; then the model answers in the server's place. */
const TIMEOUT_MS = 800;
/** An answer without geometry is some hundred bytes. */
const MAX_ANSWER_BYTES = 64 * 1024;
const MAX_CONNECTIONS = 16;
/** Failures in a row that open the breaker, and how long it stays so before one call may try again. */
const FAILURES_TO_OPEN = 5;
const OPEN_MS = 15_000;
/** How long a way is remembered, by the cells of both its ends (DP-15), and how many. */
const CACHE_MS = 5 * 60_000;
const MAX_CACHED = 20_000;
/** H3 resolution 10: cells of about 130 m across, so that a remembered way is off by no more than a walk. */
const CACHE_RESOLUTION = 10;
/** Traffic is charged up to this. */
const MAX_TRAFFIC_PERMILLE = 1_300;
const TRAFFIC_STEP = 50;

const answerSchema = z.object({
  code: z.string(),
  routes: z.array(z.object({ distance: z.number().min(0).max(2_000_000), duration: z.number().min(0).max(200_000) })).optional(),
});

/** What OSRM answers with when the points are not connected, or are near no street: our question's fault, not the server's. */
const NO_ROUTE_CODES = ['NoRoute', 'NoSegment'];

export interface OsrmOptions {
  /** Such as `http://osrm.internal:5000`. */
  url: string;
  local: Routing;
  clock: () => Date;
  onError: (error: unknown, what: string) => void;
  timeoutMs?: number;
}

/**
 * Ways by an OSRM server: `GET /route/v1/driving/{lng},{lat};{lng},{lat}?overview=false`, as its HTTP API documents it
 * (https://project-osrm.org/docs/v5.24.0/api/#route-service). Remembered for five minutes by the cells of both ends. When the server fails, hangs or talks
 * nonsense the local model answers, and after five failures in a row the server is left alone for a while.
 */
export function osrmRouting({ url, local, clock, onError, timeoutMs = TIMEOUT_MS }: OsrmOptions): Routing {
  const agent = new Agent({ connections: MAX_CONNECTIONS, connect: { timeout: timeoutMs } });
  const cache = new Map<string, { leg: Leg | null; until: number }>();
  const breaker = openBreaker(clock);
  const answered: RoutingState['answered'] = { server: 0, cache: 0, model: 0 };

  /** The way between two cells: null when there is none. @throws Error when the server did not answer as documented */
  const ask = async (from: Place, to: Place): Promise<Leg | null> => {
    const path = `/route/v1/driving/${coordinates(from)};${coordinates(to)}?overview=false&alternatives=false&steps=false`;
    const response = await request(new URL(path, url), { dispatcher: agent, signal: AbortSignal.timeout(timeoutMs), headersTimeout: timeoutMs });
    const text = await readAtMost(response.body, MAX_ANSWER_BYTES);
    if (response.statusCode >= 500) throw new Error(`OSRM answered ${response.statusCode}`);
    const parsed = answerSchema.parse(JSON.parse(text));
    if (NO_ROUTE_CODES.includes(parsed.code)) return null;
    const [route] = parsed.routes ?? [];
    if (parsed.code !== 'Ok' || !route) throw new Error(`OSRM answered ${response.statusCode} ${parsed.code.slice(0, 40)}`);
    return { distanceM: Math.round(route.distance), durationS: Math.round(route.duration) };
  };

  const remembered = async (from: Place, to: Place): Promise<Leg | null> => {
    const ends = [from, to].map((place) => latLngToCell(place.lat, place.lng, CACHE_RESOLUTION)) as [string, string];
    const key = ends.join();
    const known = cache.get(key);
    const now = clock().getTime();
    if (known && known.until > now) {
      answered.cache += 1;
      return known.leg;
    }
    if (!breaker.mayTry()) throw new BreakerOpen();
    try {
      // Asked between the middles of the cells, so that everybody with this key may be told the same.
      const isShort = ends[0] === ends[1] || distanceM(from, to) < 1_000;
      const leg = isShort ? await ask(from, to) : await ask(middleOf(ends[0]), middleOf(ends[1]));
      breaker.succeeded();
      answered.server += 1;
      cache.delete(key);
      if (cache.size >= MAX_CACHED) cache.delete(cache.keys().next().value as string);
      if (!isShort) cache.set(key, { leg, until: now + CACHE_MS });
      return leg;
    } catch (error) {
      if (breaker.failed()) onError(error, 'routing server left alone for a while; the local model answers');
      throw error;
    }
  };

  return {
    leg: local.leg,
    speedKmh: local.speedKmh,
    route: async (from, to, departAt): Promise<Route> => {
      let leg: Leg | null;
      try {
        leg = await remembered(from, to);
      } catch (error) {
        if (!(error instanceof BreakerOpen)) onError(error, 'routing server failed; the local model answers');
        answered.model += 1;
        return local.route(from, to, departAt);
      }
      if (!leg) throw noRoute();
      return { ...leg, trafficPermille: trafficOf(leg, local.speedKmh(departAt)), source: 'OSRM' };
    },
    state: () => ({ adapter: 'osrm', breaker: breaker.state(), answered: { ...answered } }),
    stop: () => {
      agent.destroy().catch(() => {});
    },
  };
}

/** How much slower than usual at this hour, in steps of 0.05 and within bounds; the usual speed is the model's. */
export function trafficOf({ distanceM: meters, durationS }: Leg, usualKmh: number): number {
  const usualS = (meters / 1000 / usualKmh) * 3600;
  if (usualS < 60) return 1_000;
  const permille = Math.floor((durationS / usualS) * (1_000 / TRAFFIC_STEP)) * TRAFFIC_STEP;
  return Math.max(1_000, Math.min(MAX_TRAFFIC_PERMILLE, permille));
}

class BreakerOpen extends Error {}

function noRoute(): Refusal {
  return new Refusal('NO_ROUTE', 'No street leads from there to there. Move the pickup or the destination to a street.', {
    details: { field: 'input.destination', rule: 'no_route' },
  });
}

const coordinates = (place: Place) => `${place.lng.toFixed(6)},${place.lat.toFixed(6)}`;

function middleOf(cell: string): Place {
  const [lat, lng] = cellToLatLng(cell);
  return { lat, lng };
}

async function readAtMost(body: AsyncIterable<Buffer> & { destroy(): unknown }, maxBytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > maxBytes) {
      body.destroy();
      throw new Error(`OSRM answered with more than ${maxBytes} bytes`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** Closed until so many failures in a row; then open for a while, and then one caller may try. */
function openBreaker(clock: () => Date) {
  let failures = 0;
  let openUntil = 0;
  let trying = false;
  const isOpen = () => failures >= FAILURES_TO_OPEN && clock().getTime() < openUntil;
  return {
    mayTry: (): boolean => {
      if (failures < FAILURES_TO_OPEN) return true;
      if (isOpen() || trying) return false;
      trying = true;
      return true;
    },
    succeeded: () => {
      failures = 0;
      trying = false;
    },
    /** Whether it opens now. */
    failed: (): boolean => {
      failures += 1;
      trying = false;
      if (failures < FAILURES_TO_OPEN) return false;
      openUntil = clock().getTime() + OPEN_MS;
      return failures === FAILURES_TO_OPEN;
    },
    state: (): RoutingState['breaker'] => (failures < FAILURES_TO_OPEN ? 'CLOSED' : isOpen() ? 'OPEN' : 'HALF_OPEN'),
  };
}
