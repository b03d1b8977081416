import { distanceM, type Place } from './point.js';

/** Timer that writes a route again once late points have come in; its key is the trip's id. */
export const ROUTE_TIMER = 'trip.route';

/** Points of a stored route at most; a longer one is thinned out evenly after it was simplified (DP-33). */
export const MAX_ROUTE_POINTS = 500;
/** How far the simplified line may be from the recorded one: about a street's width. */
const TOLERANCE_M = 10;

/** Douglas–Peucker in metres, without recursion: a long straight trip must not end in a stack overflow. First and last point always stay. */
export function simplify(points: readonly Place[], toleranceM = TOLERANCE_M): Place[] {
  if (points.length <= 2) return [...points];
  const keep = new Uint8Array(points.length);
  keep[0] = keep[points.length - 1] = 1;
  const ranges: [number, number][] = [[0, points.length - 1]];
  for (let range = ranges.pop(); range; range = ranges.pop()) {
    const [first, last] = range;
    let farthest = -1;
    let awayM = toleranceM;
    for (let i = first + 1; i < last; i += 1) {
      const d = distanceToLineM(points[i] as Place, points[first] as Place, points[last] as Place);
      if (d > awayM) [farthest, awayM] = [i, d];
    }
    if (farthest < 0) continue;
    keep[farthest] = 1;
    ranges.push([first, farthest], [farthest, last]);
  }
  const kept = points.filter((_, i) => keep[i] === 1);
  if (kept.length <= MAX_ROUTE_POINTS) return kept;
  return Array.from({ length: MAX_ROUTE_POINTS }, (_, i) => kept[Math.round((i * (kept.length - 1)) / (MAX_ROUTE_POINTS - 1))] as Place);
}

/** Flat projection around `a`: exact enough over the few kilometres of one segment. */
function distanceToLineM(point: Place, a: Place, b: Place): number {
  const M_PER_DEGREE = 111_195;
  const scale = Math.cos((a.lat * Math.PI) / 180) * M_PER_DEGREE;
  const [px, py] = [(point.lng - a.lng) * scale, (point.lat - a.lat) * M_PER_DEGREE];
  const [bx, by] = [(b.lng - a.lng) * scale, (b.lat - a.lat) * M_PER_DEGREE];
  const length = bx * bx + by * by;
  const t = length === 0 ? 0 : Math.max(0, Math.min(1, (px * bx + py * by) / length));
  return Math.hypot(px - t * bx, py - t * by);
}

export function lengthM(points: readonly Place[]): number {
  return points.slice(1).reduce((sum, point, i) => sum + distanceM(points[i] as Place, point), 0);
}

/** Google's encoded polyline, precision 5: https://developers.google.com/maps/documentation/utilities/polylinealgorithm */
export function encodePolyline(points: readonly Place[]): string {
  let text = '';
  let [lat, lng] = [0, 0];
  for (const point of points) {
    const [nextLat, nextLng] = [Math.round(point.lat * 1e5), Math.round(point.lng * 1e5)];
    text += encodeNumber(nextLat - lat) + encodeNumber(nextLng - lng);
    [lat, lng] = [nextLat, nextLng];
  }
  return text;
}

function encodeNumber(value: number): string {
  let rest = value < 0 ? ~(value << 1) : value << 1;
  let text = '';
  while (rest >= 0x20) {
    text += String.fromCharCode((0x20 | (rest & 0x1f)) + 63);
    rest >>= 5;
  }
  return text + String.fromCharCode(rest + 63);
}
