import type { Sql } from 'postgres';

/**
 * Fills a fleet for measuring (FL-09): the same rows every time, made by the database itself. Cars are spread over 200 stations in six cities, each
 * with about the same number of bookings over the two years around the first of January 2030, none of which overlap. They are rows without events:
 * nobody but fleet hears of them, so it is for benchmarks and tests of search, not for demos.
 */
export async function generateFleet(sql: Sql, size: { vehicles: number; bookings: number }): Promise<void> {
  await sql.begin(async (tx) => {
    // A fraction from 0 to 1 that looks random and depends on nothing but its two numbers.
    await tx`create function pg_temp.chance(n bigint, salt int) returns float8 language sql immutable
      as $$ select (hashint8extended(n, salt) & 9007199254740991)::float8 / 9007199254740992 $$`;
    await tx`insert into stations (id, name, address, lat, lng, time_zone, opening_hours)
      select ('01900000-0000-7000-9001-' || lpad(n::text, 12, '0'))::uuid, city.name || ' ' || n, n || ' Main Street, ' || city.name,
        city.lat + pg_temp.chance(n, 1) * 0.5 - 0.25, city.lng + pg_temp.chance(n, 2) * 0.5 - 0.25, 'Africa/Cairo', 'Every day 08:00 to 22:00'
      from generate_series(1, 200) as series(n)
      join (values (0, 'Cairo', 30.0444, 31.2357), (1, 'Giza', 29.987, 31.2118), (2, 'Alexandria', 31.2001, 29.9187),
        (3, 'Luxor', 25.6872, 32.6396), (4, 'Aswan', 24.0889, 32.8998), (5, 'Hurghada', 27.2579, 33.8116)) as city(number, name, lat, lng)
        on city.number = case when pg_temp.chance(n, 3) < 0.5 then 0 else n % 6 end
      on conflict do nothing`;
    await tx`insert into vehicles (id, slug, make, model, year, category, fuel_type, transmission, seats, features, daily_rate_minor, currency, plate, status,
        use, station_id, lat, lng, images, version, created_at, updated_at)
      select ('01900000-0000-7000-9002-' || lpad(n::text, 12, '0'))::uuid, 'generated-' || n, car.make, car.model, 2015 + (pg_temp.chance(n, 1) * 11)::int,
        car.category, (array['PETROL', 'PETROL', 'PETROL', 'DIESEL', 'HYBRID', 'ELECTRIC'])[1 + trunc(pg_temp.chance(n, 2) * 6)::int],
        case when pg_temp.chance(n, 3) < 0.7 then 'AUTOMATIC' else 'MANUAL' end, car.seats,
        (array['Bluetooth', 'CarPlay', 'Rear camera', 'Leather seats', 'Panoramic roof', 'Child seat', 'Roof rack', '4x4'])[
          1 + trunc(pg_temp.chance(n, 4) * 4)::int : 4 + trunc(pg_temp.chance(n, 4) * 4)::int],
        (50000 + (pg_temp.chance(n, 5) ^ 2 * 9500)::bigint * 100), 'EGP', 'GEN ' || n,
        case when pg_temp.chance(n, 6) < 0.95 then 'ACTIVE' when pg_temp.chance(n, 6) < 0.98 then 'MAINTENANCE' else 'RETIRED' end, 'RENTAL', s.id,
        s.lat + pg_temp.chance(n, 7) * 0.02 - 0.01, s.lng + pg_temp.chance(n, 8) * 0.02 - 0.01, '[]'::jsonb, 1,
        timestamptz '2029-01-01' + n * interval '1 second', timestamptz '2029-01-01' + n * interval '1 second'
      from generate_series(1, ${size.vehicles}::int) as series(n)
      join (values (0, 'Toyota', 'Corolla', 'COMFORT', 5), (1, 'Toyota', 'Yaris', 'ECONOMY', 5), (2, 'Toyota', 'Camry', 'PREMIUM', 5),
        (3, 'Toyota', 'Land Cruiser', 'SUV', 7), (4, 'Hyundai', 'Elantra', 'COMFORT', 5), (5, 'Hyundai', 'Accent', 'ECONOMY', 5),
        (6, 'Hyundai', 'Tucson', 'SUV', 5), (7, 'Hyundai', 'Staria', 'XL', 9), (8, 'Kia', 'Cerato', 'COMFORT', 5), (9, 'Kia', 'Picanto', 'ECONOMY', 4),
        (10, 'Kia', 'Sportage', 'SUV', 5), (11, 'Kia', 'Carnival', 'XL', 8), (12, 'Nissan', 'Sunny', 'ECONOMY', 5), (13, 'Renault', 'Logan', 'ECONOMY', 5),
        (14, 'Skoda', 'Octavia', 'COMFORT', 5), (15, 'BYD', 'Song Plus', 'SUV', 5), (16, 'Mercedes-Benz', 'E 200', 'LUXURY', 5),
        (17, 'BMW', '520i', 'LUXURY', 5), (18, 'BMW', 'Z4', 'SPORTS', 2), (19, 'Volkswagen', 'Passat', 'PREMIUM', 5)) as car(number, make, model, category, seats)
        on car.number = n % 20
      join stations s on s.id = ('01900000-0000-7000-9001-' || lpad((1 + trunc(pg_temp.chance(n, 9) * 200)::int)::text, 12, '0'))::uuid
      on conflict do nothing`;
    await tx`insert into busy_ranges (booking_id, vehicle_id, from_at, to_at)
      select ('01900000-0000-7000-9003-' || lpad(n::text, 12, '0'))::uuid, ('01900000-0000-7000-9002-' || lpad((1 + n % ${size.vehicles}::int)::text, 12, '0'))::uuid,
        begins, begins + slot.wide * (0.1 + 0.4 * pg_temp.chance(n, 11))
      from generate_series(0, ${size.bookings}::int - 1) as series(n)
      cross join lateral (select interval '730 days' / greatest(1, ${size.bookings}::int / ${size.vehicles}::int) as wide) slot
      cross join lateral (select timestamptz '2029-01-01' + slot.wide * (n / ${size.vehicles}::int) + slot.wide * 0.5 * pg_temp.chance(n, 10) as begins) first
      on conflict do nothing`;
  });
  await sql`vacuum analyze vehicles`;
  await sql`vacuum analyze busy_ranges`;
}
