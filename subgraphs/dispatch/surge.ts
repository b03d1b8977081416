import { cellToBoundary, cellToLatLng, gridDisk, latLngToCell } from 'h3-js';
import { MAX_SURGE_PERMILLE } from './fare.js';
import { distanceM, type Place } from './point.js';

/** H3 resolution of demand: cells of about 0.74 km² (DP-12). */
const RESOLUTION = 8;
/** Distance between the centres of two neighbouring cells of this resolution, roughly, in kilometres. */
const CELL_STEP_KM = 0.9;
/** How far back requests count as demand. */
export const DEMAND_WINDOW_MS = 10 * 60_000;

export function cellOf(place: Place): string {
  return latLngToCell(place.lat, place.lng, RESOLUTION);
}

/** Centre and corners of a cell. */
export function shapeOf(cell: string): { center: Place; boundary: Place[] } {
  const toPlace = ([lat, lng]: [number, number] | number[]): Place => ({ lat: lat as number, lng: lng as number });
  return { center: toPlace(cellToLatLng(cell)), boundary: cellToBoundary(cell).map(toPlace) };
}

/** Cells whose centre lies within the circle, and always the one in its middle. */
export function cellsAround(place: Place, radiusKm: number): string[] {
  const middle = cellOf(place);
  return gridDisk(middle, Math.ceil(radiusKm / CELL_STEP_KM) + 1).filter(
    (cell) => cell === middle || distanceM(place, shapeOf(cell).center) <= radiusKm * 1000,
  );
}

/**
 * What demand alone makes the surge of a cell, in thousandths (DP-12), never under 1,000 nor over 3,000. Demand without any driver counts as if there were one: a single request
 * in an empty cell must not cost the most. Never falls while requests rise.
 */
export function surgePermille(requests: number, availableDrivers: number): bigint {
  const ratio = requests / Math.max(1, availableDrivers);
  if (ratio < 1) return 1_000n;
  if (ratio < 1.5) return 1_100n;
  if (ratio < 2) return 1_300n;
  if (ratio < 3) return 1_500n;
  if (ratio < 4) return 1_800n;
  return BigInt(Math.round(Math.min(ratio * 0.5, 3) * 1000));
}

/** How often surge moves. */
export const SURGE_INTERVAL_MS = 30_000;
/** The most that surge rises in one interval, as a factor in thousandths: 1.0 to 3.0 takes twelve intervals. */
export const MAX_RISE_PERMILLE = 1_100;
/** The most that it falls in one interval. */
export const MAX_FALL_PERMILLE = 1_050;
/** The most that neighbouring cells differ by (DP-11b): nobody walks a kilometre for less. */
export const MAX_NEIGHBOUR_PERMILLE = 1_300;
/** Once raised it stays for this long at least. */
export const HOLD_MS = 5 * 60_000;
const LEAST = 1_000;

/** So many levels are looked at, the present one among them: the oldest is let go when it is as old as the hold. */
const HELD_LEVELS = HOLD_MS / SURGE_INTERVAL_MS;

/** Surge of a cell as it stands. */
export interface CellSurge {
  /** The highest of `recent`: what riders pay. */
  surgePermille: number;
  /** Where demand alone had moved it in the last intervals, the newest first. */
  recent: readonly number[];
}

/**
 * The next state of the city's surge (DP-11b, DP-12), from the last one and from what demand asks for now. Cells that are in neither stand at 1.0, and
 * are left out of the answer when they do.
 *
 * First each cell's level goes toward its target by a bounded factor, and no level is left lower than the ratio allows below a neighbour's. Then surge is
 * the highest level of the last five minutes: that is the hold. All of it is monotone in the targets of the whole history, so that a busier history is
 * never cheaper at any later moment; a date of the last rise would not be, because whoever rises early would be let go early.
 *
 * Bounds of the levels are bounds of surge: steps and ratios between neighbours hold at each interval, and therefore for the highest of several. Lifting
 * the neighbours cannot break the bound on time: if a/b ≤ r held before, and a grew by at most u, then a·u/r ≤ b·u.
 */
export function nextSurge(before: ReadonlyMap<string, CellSurge>, targets: ReadonlyMap<string, number>): Map<string, CellSurge> {
  const levels = new Map<string, number>();
  for (const cell of new Set([...before.keys(), ...targets.keys()])) {
    const was = before.get(cell)?.recent[0] ?? LEAST;
    const most = Math.min(Number(MAX_SURGE_PERMILLE), Math.floor((was * MAX_RISE_PERMILLE) / 1000));
    const least = Math.max(LEAST, Math.ceil((was * 1000) / MAX_FALL_PERMILLE));
    levels.set(cell, Math.max(least, Math.min(most, targets.get(cell) ?? LEAST)));
  }
  raiseNeighbours(levels);
  const states = new Map<string, CellSurge>();
  for (const [cell, level] of levels) {
    const recent = [level, ...(before.get(cell)?.recent ?? [])].slice(0, HELD_LEVELS);
    const surgePermille = Math.max(...recent);
    if (surgePermille > LEAST) states.set(cell, { surgePermille, recent });
  }
  return states;
}

/** Lifts every cell to within the ratio of its highest neighbour, from the highest cell outwards, as in a search for shortest paths. */
function raiseNeighbours(surge: Map<string, number>): void {
  const byHeight = new Map<number, string[]>();
  const put = (cell: string, permille: number) => {
    const cells = byHeight.get(permille);
    if (cells) cells.push(cell);
    else byHeight.set(permille, [cell]);
  };
  for (const [cell, permille] of surge) put(cell, permille);
  // A lifted cell is always lower than the one that lifts it, so heights are visited once each, from above.
  for (let height = Number(MAX_SURGE_PERMILLE); height > LEAST; height -= 1) {
    for (const cell of byHeight.get(height) ?? []) {
      if (surge.get(cell) !== height) continue;
      const floor = Math.ceil((height * 1000) / MAX_NEIGHBOUR_PERMILLE);
      if (floor <= LEAST) continue;
      for (const neighbour of gridDisk(cell, 1)) {
        if ((surge.get(neighbour) ?? LEAST) >= floor) continue;
        surge.set(neighbour, floor);
        put(neighbour, floor);
      }
    }
  }
}

/** Why surge is what it is, in words for the rider; null at 1.0. */
export function surgeReason(cell: { surgePermille: number; targetPermille: number; requests: number; available: number }): string | null {
  if (cell.surgePermille <= LEAST) return null;
  if (cell.targetPermille >= cell.surgePermille) {
    const cars = cell.available === 1 ? '1 free driver' : `${cell.available} free drivers`;
    return `More people ask for rides from there than drivers are free: ${cell.requests} in ten minutes, ${cars}.`;
  }
  if (cell.targetPermille > LEAST) return 'More people ask for rides from there than drivers are free; it is becoming calmer.';
  return 'More people ask for rides nearby than drivers are free, or did a few minutes ago. Prices change gradually.';
}
