import { z } from 'zod';
import { Refusal } from '../../platform/errors.js';
import { distanceM, nearestInside, type Place, pointSchema, type ServiceArea } from './point.js';

export const ZONE_KINDS = ['SERVICE_AREA', 'RESTRICTED', 'AIRPORT_QUEUE'] as const;
export type ZoneKind = (typeof ZONE_KINDS)[number];

/** An area of the map with a rule (DP-07). `polygon` is closed: its last corner is its first. */
export interface Zone {
  id: string;
  kind: ZoneKind;
  name: string;
  polygon: readonly Place[];
}

/** Corners of a polygon at most, the repeated one included. */
export const MAX_CORNERS = 501;
/** Zones in force at most: each point of a free driver is held against all airports, each pickup against all zones. */
export const MAX_ZONES = 200;
/** How far a zone may reach from its one side to the other: a large city with its surroundings. */
const MAX_EXTENT_KM = 300;
/** Smaller zones are typing errors: no driver could be in it for three points. */
const MIN_AREA_M2 = 1_000;
/** How far from the border a proposed place lies, so that rounding does not leave it on the wrong side again. */
const NUDGE_M = 2;
/** How far from an edge's ends it lies: in the tip of a narrow corner both sides of an edge are outside. */
const FROM_CORNERS_M = [2, 10, 60, 400] as const;

const M_PER_DEGREE = 111_195;

export const zoneSchema = z.object({
  kind: z.enum(ZONE_KINDS),
  name: z.string().trim().min(1, 'must not be empty').max(100),
  polygon: z
    .array(pointSchema)
    .min(4, 'must have three corners at least, and the first one again as the last')
    .max(MAX_CORNERS, `must not have more than ${MAX_CORNERS - 1} corners`)
    .superRefine((polygon, ctx) => {
      const fault = faultOf(polygon);
      if (fault) ctx.addIssue({ code: 'custom', message: fault });
    }),
});

/** What is wrong with a polygon, in words for its maker; null when nothing is. */
export function faultOf(polygon: readonly Place[]): string | null {
  const [first, last] = [polygon[0], polygon.at(-1)];
  if (!first || !last || polygon.length < 4) return 'must have three corners at least, and the first one again as the last';
  if (first.lat !== last.lat || first.lng !== last.lng) return 'must be closed: repeat the first corner as the last';
  const box = boxOf(polygon);
  if (box.maxLng - box.minLng > 180) return 'must not cross the date line';
  if (distanceM({ lat: box.minLat, lng: box.minLng }, { lat: box.maxLat, lng: box.maxLng }) > MAX_EXTENT_KM * 1000)
    return `must not reach further than ${MAX_EXTENT_KM} km`;
  const corners = flat(polygon, first);
  for (let i = 0; i + 1 < corners.length; i += 1) {
    const [a, b] = [corners[i] as Flat, corners[i + 1] as Flat];
    if (a.x === b.x && a.y === b.y) return 'must not have the same corner twice in a row';
  }
  if (crossesItself(corners)) return 'must not cross or touch itself';
  return Math.abs(areaM2(corners)) < MIN_AREA_M2 ? `must cover ${MIN_AREA_M2} square metres at least` : null;
}

/** Whether a place lies in a polygon, by counting the edges to its east; its border belongs to one side or the other. */
export function contains(polygon: readonly Place[], { lat, lng }: Place): boolean {
  let isInside = false;
  for (let i = 0, j = polygon.length - 1; i < polygon.length; j = i, i += 1) {
    const [a, b] = [polygon[i] as Place, polygon[j] as Place];
    if (a.lat > lat !== b.lat > lat && lng < ((b.lng - a.lng) * (lat - a.lat)) / (b.lat - a.lat) + a.lng) isInside = !isInside;
  }
  return isInside;
}

const zonesOf = (zones: readonly Zone[], kind: ZoneKind) => zones.filter((zone) => zone.kind === kind);

/** The airport that a place lies in, the oldest zone when there are several. */
export function airportAt(zones: readonly Zone[], place: Place): Zone | null {
  return zones.find((zone) => zone.kind === 'AIRPORT_QUEUE' && contains(zone.polygon, place)) ?? null;
}

/** Where we drive: all service areas together; the circle of the configuration as long as no area has been drawn. */
function isServed(zones: readonly Zone[], circle: ServiceArea, place: Place): boolean {
  const areas = zonesOf(zones, 'SERVICE_AREA');
  if (areas.length === 0) return distanceM(circle.centre, place) <= circle.radiusKm * 1000;
  return areas.some((area) => contains(area.polygon, place));
}

const isRestricted = (zones: readonly Zone[], place: Place) => zonesOf(zones, 'RESTRICTED').some((zone) => contains(zone.polygon, place));

/**
 * A trip may end here. `zones` is null when they are not known: an unknown zone refuses nobody (DP-07).
 * @throws Refusal OUTSIDE_SERVICE_AREA with the nearest place that we serve
 */
export function assertInService(zones: readonly Zone[] | null, circle: ServiceArea, place: Place, field: string): void {
  if (zones === null || isServed(zones, circle, place)) return;
  throw outside(
    field,
    nearestPlace(zones, circle, place, (candidate) => isServed(zones, circle, candidate)),
  );
}

/**
 * A trip may begin here. `details.nearest` is the nearest place where one may, null when there is none around.
 * @throws Refusal OUTSIDE_SERVICE_AREA, PICKUP_RESTRICTED
 */
export function assertPickup(zones: readonly Zone[] | null, circle: ServiceArea, place: Place, field: string): void {
  if (zones === null) return;
  const isAllowed = (candidate: Place) => isServed(zones, circle, candidate) && !isRestricted(zones, candidate);
  if (isAllowed(place)) return;
  const nearest = nearestPlace(zones, circle, place, isAllowed);
  if (!isServed(zones, circle, place)) throw outside(field, nearest);
  throw new Refusal('PICKUP_RESTRICTED', 'Nobody may be picked up there. `details.nearest` is the nearest place where you can be.', {
    details: { field, rule: 'restricted_area', nearest },
  });
}

function outside(field: string, nearest: Place | null): Refusal {
  return new Refusal('OUTSIDE_SERVICE_AREA', 'We do not drive there yet. `details.nearest` is the nearest place where we do.', {
    details: { field, rule: 'service_area', nearest },
  });
}

/**
 * The nearest place that is allowed: on the border of some zone, or where two borders cross, a step to its allowed side. Nothing else can be nearest, because
 * whoever walks straight to an allowed place steps over a border, and the part of a border that is allowed ends at another. Null when there is none.
 */
function nearestPlace(zones: readonly Zone[], circle: ServiceArea, place: Place, isAllowed: (candidate: Place) => boolean): Place | null {
  const edges = zones.filter(({ kind }) => kind !== 'AIRPORT_QUEUE').flatMap((zone) => edgesOf(zone, place));
  const onBorders = edges.flatMap((edge) => besideEdge(edge).map((candidate) => unflat(candidate, place)));
  if (zonesOf(zones, 'SERVICE_AREA').length === 0) onBorders.push(nearestInside(circle, place));
  const nearest = nearestOf(onBorders, place, Number.POSITIVE_INFINITY, isAllowed);
  const reachM = nearest ? distanceM(place, nearest) : Number.POSITIVE_INFINITY;
  // On the plane distances are off by a per cent over 60 km.
  const crossings = crossingsOf(edges.filter((edge) => edge.awayM <= reachM * 1.02)).map((candidate) => unflat(candidate, place));
  return nearestOf(crossings, place, reachM, isAllowed) ?? nearest;
}

function nearestOf(candidates: readonly Place[], place: Place, withinM: number, isAllowed: (candidate: Place) => boolean): Place | null {
  return (
    candidates
      .map((candidate) => ({ candidate, awayM: distanceM(place, candidate) }))
      .filter(({ awayM }) => awayM < withinM)
      .sort((a, b) => a.awayM - b.awayM)
      .find(({ candidate }) => isAllowed(candidate))?.candidate ?? null
  );
}

/** One side of a zone, on a plane around the place that is asked about. */
interface Edge {
  zone: Zone;
  a: Flat;
  b: Flat;
  lengthM: number;
  /** Where on it, from 0 to 1, it comes nearest to the place, and how near. */
  nearest: number;
  awayM: number;
}

function edgesOf(zone: Zone, place: Place): Edge[] {
  const corners = flat(zone.polygon, place);
  return corners.slice(1).map((b, i) => {
    const a = corners[i] as Flat;
    const [dx, dy] = [b.x - a.x, b.y - a.y];
    const lengthM = Math.hypot(dx, dy);
    const nearest = Math.max(0, Math.min(1, -(a.x * dx + a.y * dy) / (lengthM * lengthM)));
    return { zone, a, b, lengthM, nearest, awayM: Math.hypot(a.x + nearest * dx, a.y + nearest * dy) };
  });
}

/** The nearest place of an edge, its ends and its middle, with steps to both sides of it. */
function besideEdge({ a, b, lengthM, nearest }: Edge): Flat[] {
  const [dx, dy] = [b.x - a.x, b.y - a.y];
  return [nearest, 0.5].flatMap((share) =>
    FROM_CORNERS_M.flatMap((fromCornerM) => {
      const margin = Math.min(fromCornerM, lengthM / 2);
      const along = Math.min(Math.max(share * lengthM, margin), lengthM - margin) / lengthM;
      return [NUDGE_M, -NUDGE_M].map((stepM) => ({ x: a.x + along * dx - (dy / lengthM) * stepM, y: a.y + along * dy + (dx / lengthM) * stepM }));
    }),
  );
}

/** Where edges of different zones cross, with a step into each of the four corners there. By a sweep from west to east: only edges over the same stretch meet. */
function crossingsOf(edges: readonly Edge[]): Flat[] {
  const west = ({ a, b }: Edge) => Math.min(a.x, b.x);
  const sorted = [...edges].sort((one, other) => west(one) - west(other));
  return sorted.flatMap((one, i) => {
    const east = Math.max(one.a.x, one.b.x);
    const found: Flat[] = [];
    for (let j = i + 1; j < sorted.length && west(sorted[j] as Edge) <= east; j += 1) {
      const other = sorted[j] as Edge;
      if (other.zone !== one.zone && meet(one.a, one.b, other.a, other.b)) found.push(...besideCrossing(one, other));
    }
    return found;
  });
}

function besideCrossing(one: Edge, other: Edge): Flat[] {
  const along = ({ a, b, lengthM }: Edge): Flat => ({ x: (b.x - a.x) / lengthM, y: (b.y - a.y) / lengthM });
  const [u, v] = [along(one), along(other)];
  const cross = u.x * v.y - u.y * v.x;
  // One upon the other: they cross nowhere, and their ends are candidates already.
  if (cross === 0) return [];
  const on = ((other.a.x - one.a.x) * v.y - (other.a.y - one.a.y) * v.x) / cross;
  const at: Flat = { x: one.a.x + on * u.x, y: one.a.y + on * u.y };
  return [1, -1].flatMap((side) => {
    const [dx, dy] = [u.x + side * v.x, u.y + side * v.y];
    const length = Math.hypot(dx, dy);
    return [NUDGE_M, -NUDGE_M, 5 * NUDGE_M, -5 * NUDGE_M].map((stepM) => ({ x: at.x + (dx / length) * stepM, y: at.y + (dy / length) * stepM }));
  });
}

interface Flat {
  x: number;
  y: number;
}

/** Metres east and north of an origin, on a plane: exact to a per mille over the size of a city. */
function flat(polygon: readonly Place[], origin: Place): Flat[] {
  const scale = M_PER_DEGREE * Math.cos((origin.lat * Math.PI) / 180);
  return polygon.map(({ lat, lng }) => ({ x: (lng - origin.lng) * scale, y: (lat - origin.lat) * M_PER_DEGREE }));
}

function unflat({ x, y }: Flat, origin: Place): Place {
  return { lat: origin.lat + y / M_PER_DEGREE, lng: origin.lng + x / (M_PER_DEGREE * Math.cos((origin.lat * Math.PI) / 180)) };
}

function boxOf(polygon: readonly Place[]) {
  const [lats, lngs] = [polygon.map(({ lat }) => lat), polygon.map(({ lng }) => lng)];
  return { minLat: Math.min(...lats), maxLat: Math.max(...lats), minLng: Math.min(...lngs), maxLng: Math.max(...lngs) };
}

/** Gauss's shoelace formula; negative when the corners go clockwise. */
function areaM2(corners: readonly Flat[]): number {
  return corners.slice(1).reduce((sum, b, i) => sum + ((corners[i] as Flat).x * b.y - b.x * (corners[i] as Flat).y) / 2, 0);
}

/** Every edge against every later one: 125,000 comparisons for the largest polygon. */
function crossesItself(corners: readonly Flat[]): boolean {
  const edges = corners.length - 1;
  for (let i = 0; i < edges; i += 1) {
    for (let j = i + 1; j < edges; j += 1) {
      const isNext = j === i + 1 || (i === 0 && j === edges - 1);
      const [a, b, c, d] = [corners[i], corners[i + 1], corners[j], corners[j + 1]] as [Flat, Flat, Flat, Flat];
      // Neighbours share a corner; they only must not go back over each other.
      if (isNext ? foldsBack(j === i + 1 ? [a, b, d] : [c, a, b]) : meet(a, b, c, d)) return true;
    }
  }
  return false;
}

const turn = (a: Flat, b: Flat, c: Flat) => Math.sign((b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x));
const isBetween = (a: Flat, b: Flat, c: Flat) =>
  Math.min(a.x, b.x) <= c.x && c.x <= Math.max(a.x, b.x) && Math.min(a.y, b.y) <= c.y && c.y <= Math.max(a.y, b.y);

function meet(a: Flat, b: Flat, c: Flat, d: Flat): boolean {
  const [abc, abd, cda, cdb] = [turn(a, b, c), turn(a, b, d), turn(c, d, a), turn(c, d, b)];
  if (abc !== abd && cda !== cdb) return true;
  return (abc === 0 && isBetween(a, b, c)) || (abd === 0 && isBetween(a, b, d)) || (cda === 0 && isBetween(c, d, a)) || (cdb === 0 && isBetween(c, d, b));
}

function foldsBack([a, corner, b]: [Flat, Flat, Flat]): boolean {
  return turn(a, corner, b) === 0 && (a.x - corner.x) * (b.x - corner.x) + (a.y - corner.y) * (b.y - corner.y) > 0;
}
