import { z } from 'zod';
import { Refusal } from '../../platform/errors.js';
import { distanceM, type Place, pointSchema } from './point.js';

/** Where an event counts: within a polygon, or around a point. */
export type EventArea = { kind: 'POLYGON'; polygon: Place[] } | { kind: 'CIRCLE'; centre: Place; radiusKm: number };

const MAX_CORNERS = 100;
const MAX_EVENT_MS = 14 * 24 * 3_600_000;
/** An event alone may double a price, and no more. */
const MAX_EVENT_PERMILLE = 2_000;

export const priceEventSchema = z
  .object({
    name: z.string().trim().min(1, 'must not be empty').max(80, 'must not be longer than 80 characters'),
    multiplier: z
      .number('must be a number')
      .min(1, 'must be 1.0 to 2.0')
      .max(MAX_EVENT_PERMILLE / 1000, 'must be 1.0 to 2.0'),
    polygon: z.array(pointSchema).min(3, 'must have three corners at least').max(MAX_CORNERS, `must not have more than ${MAX_CORNERS} corners`).nullish(),
    centre: pointSchema.nullish(),
    radiusKm: z.number().positive('must be above zero').max(20, 'must not be above 20 km').nullish(),
    startsAt: z.date(),
    endsAt: z.date(),
  })
  .refine((event) => event.startsAt < event.endsAt, { path: ['endsAt'], message: 'must be after startsAt' })
  .refine((event) => event.endsAt.getTime() - event.startsAt.getTime() <= MAX_EVENT_MS, { path: ['endsAt'], message: 'must be within 14 days of startsAt' })
  .refine((event) => (event.polygon != null) !== (event.centre != null), { path: ['polygon'], message: 'is needed, or else centre and radiusKm; not both' })
  .refine((event) => (event.centre != null) === (event.radiusKm != null), { path: ['radiusKm'], message: 'goes with centre' });

/** The area that an input describes. @throws Refusal VALIDATION_ERROR with rule `polygon_crosses_itself` */
export function areaOf(event: z.output<typeof priceEventSchema>): EventArea {
  if (!event.polygon) return { kind: 'CIRCLE', centre: event.centre as Place, radiusKm: event.radiusKm as number };
  const polygon = withoutClosingCorner(event.polygon);
  const crossing = crossingEdges(polygon);
  if (polygon.length < 3 || crossing) {
    const message = crossing
      ? `The polygon crosses itself: the edge from corner ${crossing[0]} meets that from corner ${crossing[1]}. List the corners in order around the area.`
      : 'A polygon has three different corners at least.';
    throw new Refusal('VALIDATION_ERROR', message, { details: { field: 'input.polygon', rule: 'polygon_crosses_itself', edges: crossing } });
  }
  return { kind: 'POLYGON', polygon };
}

/** GeoJSON repeats the first corner at the end; here it need not be. */
function withoutClosingCorner(polygon: readonly Place[]): Place[] {
  const [first, last] = [polygon[0], polygon.at(-1)];
  return first && last && polygon.length > 3 && first.lat === last.lat && first.lng === last.lng ? polygon.slice(0, -1) : [...polygon];
}

/** Twice the signed area of a triangle: which way one turns at b. */
const turn = (a: Place, b: Place, c: Place) => (b.lng - a.lng) * (c.lat - a.lat) - (b.lat - a.lat) * (c.lng - a.lng);

/** Whether c, which lies on the line through a and b, lies between them. */
const isBetween = (a: Place, b: Place, c: Place) =>
  Math.min(a.lng, b.lng) <= c.lng && c.lng <= Math.max(a.lng, b.lng) && Math.min(a.lat, b.lat) <= c.lat && c.lat <= Math.max(a.lat, b.lat);

function doMeet(a: Place, b: Place, c: Place, d: Place): boolean {
  const [abc, abd, cda, cdb] = [turn(a, b, c), turn(a, b, d), turn(c, d, a), turn(c, d, b)];
  if (Math.sign(abc) * Math.sign(abd) < 0 && Math.sign(cda) * Math.sign(cdb) < 0) return true;
  return (abc === 0 && isBetween(a, b, c)) || (abd === 0 && isBetween(a, b, d)) || (cda === 0 && isBetween(c, d, a)) || (cdb === 0 && isBetween(c, d, b));
}

/** The first two edges that meet although they are no neighbours (or neighbours that run back over each other), by the numbers of their first corners. */
export function crossingEdges(polygon: readonly Place[]): [number, number] | null {
  const n = polygon.length;
  for (let i = 0; i < n; i += 1) {
    for (let j = i + 1; j < n; j += 1) if (isCrossing(polygon, i, j)) return [i, j];
  }
  return null;
}

/** Whether edge i and a later edge j have more in common than neighbours may: their shared corner. */
function isCrossing(polygon: readonly Place[], i: number, j: number): boolean {
  const n = polygon.length;
  const corner = (k: number) => polygon[k % n] as Place;
  const [a, b, c, d] = [corner(i), corner(i + 1), corner(j), corner(j + 1)];
  const isSame = (one: Place, other: Place) => one.lat === other.lat && one.lng === other.lng;
  if (isSame(a, b) || isSame(c, d)) return true;
  if (j !== i + 1 && (i !== 0 || j !== n - 1)) return doMeet(a, b, c, d);
  const [shared, one, other] = j === i + 1 ? [b, a, d] : [a, b, c];
  // The far end of one on the other is a spike.
  return turn(one, shared, other) === 0 && (isBetween(one, shared, other) || isBetween(other, shared, one));
}

/** Whether a place lies in an area; the even-odd rule on a plain projection, which is exact enough for a city. */
export function isInside(area: EventArea, place: Place): boolean {
  if (area.kind === 'CIRCLE') return distanceM(area.centre, place) <= area.radiusKm * 1000;
  const { polygon } = area;
  let inside = false;
  for (let i = 0, j = polygon.length - 1; i < polygon.length; j = i, i += 1) {
    const [a, b] = [polygon[i] as Place, polygon[j] as Place];
    if (a.lat > place.lat === b.lat > place.lat) continue;
    if (place.lng < ((b.lng - a.lng) * (place.lat - a.lat)) / (b.lat - a.lat) + a.lng) inside = !inside;
  }
  return inside;
}

/** The event that counts at a place: the dearest, never a product of several. */
export function dearestAt<E extends { area: EventArea; multiplierPermille: number }>(events: readonly E[], place: Place): E | null {
  const here = events.filter((event) => isInside(event.area, place));
  return here.reduce<E | null>((most, event) => (most === null || event.multiplierPermille > most.multiplierPermille ? event : most), null);
}
