import { z } from 'zod';

/** Degrees, WGS 84. */
export interface Place {
  lat: number;
  lng: number;
}

/** Finite by zod's own rule: NaN and infinities are refused. */
export const pointSchema = z.object({
  lat: z.number('must be a number').min(-90, 'latitude must be -90 to 90').max(90, 'latitude must be -90 to 90'),
  lng: z.number('must be a number').min(-180, 'longitude must be -180 to 180').max(180, 'longitude must be -180 to 180'),
});

/** Mean earth radius (IUGG), metres. */
const EARTH_RADIUS_M = 6_371_008.8;
const radians = (degrees: number) => (degrees * Math.PI) / 180;
const degrees = (value: number) => (value * 180) / Math.PI;

/** Great-circle distance in metres (haversine). */
export function distanceM(a: Place, b: Place): number {
  const dLat = radians(b.lat - a.lat);
  const dLng = radians(b.lng - a.lng);
  const h = Math.sin(dLat / 2) ** 2 + Math.cos(radians(a.lat)) * Math.cos(radians(b.lat)) * Math.sin(dLng / 2) ** 2;
  return 2 * EARTH_RADIUS_M * Math.asin(Math.min(1, Math.sqrt(h)));
}

export interface ServiceArea {
  centre: Place;
  radiusKm: number;
}

/** Nearest place inside the area: on the straight line to its centre. A place inside is its own answer. */
export function nearestInside(area: ServiceArea, place: Place): Place {
  const awayM = distanceM(area.centre, place);
  const radiusM = area.radiusKm * 1000;
  if (awayM <= radiusM) return place;
  // Along the great circle by its initial bearing, a metre short of the edge so that rounding does not leave it outside again.
  const angle = (radiusM - 1) / EARTH_RADIUS_M;
  const [lat1, lng1, lat2, dLng] = [radians(area.centre.lat), radians(area.centre.lng), radians(place.lat), radians(place.lng - area.centre.lng)];
  const bearing = Math.atan2(Math.sin(dLng) * Math.cos(lat2), Math.cos(lat1) * Math.sin(lat2) - Math.sin(lat1) * Math.cos(lat2) * Math.cos(dLng));
  const lat = Math.asin(Math.sin(lat1) * Math.cos(angle) + Math.cos(lat1) * Math.sin(angle) * Math.cos(bearing));
  const lng = lng1 + Math.atan2(Math.sin(bearing) * Math.sin(angle) * Math.cos(lat1), Math.cos(angle) - Math.sin(lat1) * Math.sin(lat));
  return { lat: degrees(lat), lng: degrees(lng) };
}
