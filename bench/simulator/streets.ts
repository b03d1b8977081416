import type { Random } from './random.js';

/** A place in metres east and north of the middle of the city. */
export interface Spot {
  x: number;
  y: number;
}

const MIDDLE = { lat: 30.0444, lng: 31.2357 };
const M_PER_DEGREE = 111_195;
/** Streets run north–south and east–west this far apart: a synthetic Cairo, as large as its middle. */
const BLOCK_M = 250;
const HALF_CITY_M = 8_000;

export const toPoint = ({ x, y }: Spot) => ({
  lat: MIDDLE.lat + y / M_PER_DEGREE,
  lng: MIDDLE.lng + x / (M_PER_DEGREE * Math.cos((MIDDLE.lat * Math.PI) / 180)),
});
export const toSpot = ({ lat, lng }: { lat: number; lng: number }): Spot => ({
  x: (lng - MIDDLE.lng) * M_PER_DEGREE * Math.cos((MIDDLE.lat * Math.PI) / 180),
  y: (lat - MIDDLE.lat) * M_PER_DEGREE,
});

const withinCity = (value: number) => Math.max(-HALF_CITY_M, Math.min(HALF_CITY_M, value));

/** The nearest corner of two streets. */
export const cornerAt = ({ x, y }: Spot): Spot => ({ x: Math.round(withinCity(x) / BLOCK_M) * BLOCK_M, y: Math.round(withinCity(y) / BLOCK_M) * BLOCK_M });

/** Any corner of the city. */
export const anyCorner = (random: Random): Spot => cornerAt({ x: random.between(-HALF_CITY_M, HALF_CITY_M), y: random.between(-HALF_CITY_M, HALF_CITY_M) });

/** Along the streets, since nobody drives through houses. */
export const streetM = (a: Spot, b: Spot) => Math.abs(a.x - b.x) + Math.abs(a.y - b.y);

/** Where a car is that drives so many metres from a place along the streets toward another: first east or west, then north or south. */
export function driveToward(from: Spot, to: Spot, meters: number): Spot {
  const alongX = Math.min(Math.abs(to.x - from.x), meters);
  const alongY = Math.min(Math.abs(to.y - from.y), meters - alongX);
  return { x: from.x + Math.sign(to.x - from.x) * alongX, y: from.y + Math.sign(to.y - from.y) * alongY };
}
