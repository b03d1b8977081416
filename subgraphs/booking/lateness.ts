const EARTH_RADIUS_KM = 6371.0088;
/** Roads are longer than the way of a bird by about this much (Ballou, Rahardja, Sakai: Selected country circuity factors for road travel distance, 2002: 1.3 on average). */
const DETOUR = 1.3;
/** Kilometres per hour on the whole of a way, stops included: slow enough that a warning comes early rather than late. */
const ROAD_KMH = 50;
const HOUR_MS = 3_600_000;

/** A place on earth, in degrees. */
export interface Place {
  lat: number;
  lng: number;
}

/** The way of a bird between two places in kilometres, by the haversine formula. */
export function distanceKm(a: Place, b: Place): number {
  const radians = Math.PI / 180;
  const [dLat, dLng] = [(b.lat - a.lat) * radians, (b.lng - a.lng) * radians];
  const h = Math.sin(dLat / 2) ** 2 + Math.cos(a.lat * radians) * Math.cos(b.lat * radians) * Math.sin(dLng / 2) ** 2;
  return 2 * EARTH_RADIUS_KM * Math.asin(Math.min(1, Math.sqrt(h)));
}

/** When a rental can be back at the earliest, by where its car was: not before it was agreed, nor before it can have driven there (BK-06b). */
export function expectedBackAt(rental: { returnAt: Date }, seen: { place: Place; at: Date }, station: Place): Date {
  const drivingMs = ((distanceKm(seen.place, station) * DETOUR) / ROAD_KMH) * HOUR_MS;
  return new Date(Math.max(rental.returnAt.getTime(), seen.at.getTime() + drivingMs));
}

/**
 * Which of the bookings behind a rental, in the order of their pick-ups, may not get the car in time (BK-06b): while it is overdue the next one, and in any
 * case those whose pick-up comes before the car is expected and prepared. None when the rental is null, or expected in time.
 */
export function endangered<B extends { pickupAt: Date }>(
  rental: { returnAt: Date; overdueSince: Date | null; expectedBackAt: Date | null } | null,
  behind: readonly B[],
  preparationMs: number,
  now: Date,
): B[] {
  if (!rental || !(rental.overdueSince || rental.expectedBackAt)) return [];
  const backAtMs = Math.max(rental.returnAt.getTime(), rental.expectedBackAt?.getTime() ?? 0, rental.overdueSince ? now.getTime() : 0);
  return behind.filter(({ pickupAt }, index) => pickupAt.getTime() < backAtMs + preparationMs || (rental.overdueSince !== null && index === 0));
}
