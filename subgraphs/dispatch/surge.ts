import { cellToBoundary, cellToLatLng, gridDisk, latLngToCell } from 'h3-js';
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
 * Surge of a cell in thousandths (DP-12), never under 1,000 nor over 3,000. Demand without any driver counts as if there were one: a single request
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
