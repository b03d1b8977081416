import postgres from 'postgres';
import { publicId } from '../../platform/ids.js';
import { databaseUrl } from '../../platform/migrate.js';

/** Cairo, and how far around it the drivers of a benchmark are. */
export const CENTRE = { lat: 30.0444, lng: 31.2357 };
const SPREAD_DEGREES = 0.25;

const uuidOf = (kind: string, n: number) => `01900000-0000-7000-${kind}-${String(n).padStart(12, '0')}`;
export const driverUuid = (n: number) => uuidOf('9000', n);
export const driverId = (n: number) => publicId('drv', driverUuid(n));
export const tripId = (n: number) => publicId('trp', uuidOf('9003', n));
/** The user who rides on the trip of this number. */
export const riderUuid = (n: number) => uuidOf('9005', n);

/** Where a driver of this number is at a time: in circles of some hundred metres, at 30 km/h. */
export function placeOf(n: number, atMs: number): { lat: number; lng: number } {
  const [row, column] = [(n * 7919) % 1000, (n * 104_729) % 1000];
  const angle = n + ((atMs / 1000) * 8.3) / 300;
  return {
    lat: CENTRE.lat + SPREAD_DEGREES * (row / 500 - 1) + 0.0027 * Math.cos(angle),
    lng: CENTRE.lng + SPREAD_DEGREES * (column / 500 - 1) + 0.0027 * Math.sin(angle),
  };
}

/** Writes what a benchmark needs straight into dispatch's tables, as their owner: registering 100,000 drivers by hand is not what is measured. */
export async function openWorld(serverUrl: string) {
  const sql = postgres(databaseUrl('dispatch', serverUrl, undefined), { max: 2, onnotice: () => {} });
  const id = (kind: string) => sql.unsafe(`('01900000-0000-7000-${kind}-' || lpad(n::text, 12, '0'))::uuid`);
  return {
    sql,
    /** Free, approved drivers with numbers from `from`. */
    drivers: (from: number, count: number) => sql`insert into drivers
      (id, user_id, vehicle_id, vehicle_type, make, model, year, seats, plate, licence_number, approval, state, available_since, version, created_at)
      select ${id('9000')}, ${id('9001')}, ${id('9002')}, (array['ECONOMY', 'COMFORT', 'PREMIUM', 'XL'])[1 + n % 4], 'Kia', 'Rio', 2022, 5, 'B ' || n, 'L ' || n,
        'APPROVED', 'AVAILABLE', now(), 1, now() from generate_series(${from}::int, ${from + count - 1}::int) n`,
    /** Where they were last; a little ahead of the clock, so that all of them count as fresh while a benchmark runs. */
    positions: (places: readonly { n: number; lat: number; lng: number }[]) =>
      sql`insert into driver_positions (driver_id, lat, lng, recorded_at) select ${id('9000')}, lat, lng, now() + interval '10 minutes'
        from json_to_recordset(${JSON.stringify(places)}::text::json) as place(n int, lat float8, lng float8) on conflict (driver_id) do update
        set lat = excluded.lat, lng = excluded.lng, recorded_at = excluded.recorded_at`,
    /** Trips that drivers from number `from` are driving right now. */
    trips: async (from: number, count: number) => {
      const numbers = sql`generate_series(${from}::int, ${from + count - 1}::int) n`;
      const { lat, lng } = CENTRE;
      await sql`insert into trip_quotes (id, owner_id, vehicle_type, pickup_lat, pickup_lng, destination_lat, destination_lng, distance_m, duration_s,
          fare_minor, currency, items, surge_permille, expires_at, created_at)
        select ${id('9004')}, ${id('9005')}, 'ECONOMY', ${lat}, ${lng}, ${lat + 0.05}, ${lng + 0.05}, 8000, 900, 5000, 'EGP', '[]', 1000, now(), now() from ${numbers}`;
      await sql`insert into trips (id, quote_id, status, sequence, rider_id, vehicle_type, pickup_lat, pickup_lng, pickup_cell, destination_lat,
          destination_lng, quoted_fare_minor, currency, payment_method, requested_at)
        select ${id('9003')}, ${id('9004')}, 'REQUESTED', 1, ${id('9005')}, 'ECONOMY', ${lat}, ${lng}, 'bench', ${lat + 0.05}, ${lng + 0.05}, 5000, 'EGP', 'CASH',
          now() - interval '1 day' from ${numbers}`;
      const steps = ['SEARCHING', 'ACCEPTED', 'DRIVER_ARRIVED', 'STARTED'];
      for (const [i, status] of steps.entries())
        await sql`update trips t set status = ${status}, sequence = ${i + 2},
          driver_id = case when ${i > 0} then ${id('9000')} end, driver_user_id = case when ${i > 0} then ${id('9001')} end, started_at = now(), accepted_at = now()
          from ${numbers} where t.id = ${id('9003')}`;
      await sql`insert into trip_states (trip_id, sequence, status, at, actor_kind) select ${id('9003')}, s.step, s.status, now(), 'SYSTEM'
        from ${numbers}, (values (1, 'REQUESTED'), (2, 'SEARCHING'), (3, 'ACCEPTED'), (4, 'DRIVER_ARRIVED'), (5, 'STARTED')) as s(step, status)`;
      await sql`update drivers d set state = 'BUSY', version = version + 1, available_since = null from ${numbers} where d.id = ${id('9000')}`;
    },
    points: async () => Number((await sql`select count(*)::int as n from driver_location_history`)[0]?.n),
    close: () => sql.end({ timeout: 2 }),
  };
}

export type World = Awaited<ReturnType<typeof openWorld>>;
