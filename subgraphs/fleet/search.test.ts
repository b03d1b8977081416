import { randomUUID } from 'node:crypto';
import { sql } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/postgres-js';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ANONYMOUS } from '../../platform/actor.js';
import { uuidOf } from '../../platform/ids.js';
import type { PageRequest } from '../../platform/page.js';
import type { Orm } from '../../platform/postgres.js';
import { startTestSubgraph, type TestSubgraph } from '../../test/subgraphHarness.js';
import { generateFleet } from './generator.js';
import { startFleet } from './main.js';
import { boundsOf, searchWords, understand, vehicleCount, vehicleFacets, type VehicleOrder, vehiclePage, type VehicleSearch } from './searchQueries.js';

const VEHICLES = 100_000;
let fleet: TestSubgraph;
beforeAll(async () => {
  fleet = await startTestSubgraph('fleet', startFleet);
  await generateFleet(fleet.owner, { vehicles: VEHICLES, bookings: 2 * VEHICLES });
}, 240_000);
afterAll(() => fleet[Symbol.asyncDispose]());

const near = { lat: 30.0444, lng: 31.2357, radiusKm: 15 };
const available = { from: new Date('2030-01-02T10:00:00Z'), to: new Date('2030-01-05T10:00:00Z') };
const parts: Record<string, VehicleSearch> = {
  text: { text: 'toyta corola' },
  geo: { near },
  price: { minRateMinor: 60_000n, maxRateMinor: 500_000n },
  window: { available },
};
/** Every combination of the parts, the empty one too. */
const combinations: [string, VehicleSearch][] = [['', {}]];
for (const [name, part] of Object.entries(parts)) {
  combinations.push(...combinations.map(([names, search]): [string, VehicleSearch] => [`${names} ${name}`.trim(), { ...search, ...part }]));
}
const ordersOf = (search: VehicleSearch): VehicleOrder[] => [
  'PRICE_ASC',
  'PRICE_DESC',
  'NEWEST',
  ...(search.near ? (['DISTANCE'] as const) : []),
  ...(search.text ? (['RELEVANCE'] as const) : []),
];
const firstPage = { first: 20, after: null };
const asOwner = <T>(work: (orm: Orm) => Promise<T>) => drizzle(fleet.owner).transaction((orm) => work(orm as unknown as Orm));

async function planOf(search: VehicleSearch, order: VehicleOrder, statement: 'page' | 'count' | 'facets', at: PageRequest = firstPage): Promise<string> {
  return asOwner(async (orm) => {
    const understood = await understand(orm, search);
    if (!understood) throw new Error('no car has these words');
    if (order === 'DISTANCE') await orm.execute(sql`select set_config('enable_bitmapscan', 'off', true)`);
    const page = () => vehiclePage(orm, understood, order, at);
    const asked = statement === 'page' ? page() : statement === 'count' ? vehicleCount(orm, understood) : vehicleFacets(orm, understood);
    const rows = await orm.execute<{ 'QUERY PLAN': string }>(sql`explain ${asked}`);
    return rows.map((row) => row['QUERY PLAN']).join('\n');
  });
}

test('FL-04: at 100,000 cars no combination of text, geo, price and window reads a table from end to end, in any order', async () => {
  const read: string[] = [];
  for (const [name, search] of combinations) {
    for (const order of ordersOf(search)) if ((await planOf(search, order, 'page')).includes('Seq Scan')) read.push(`${name} by ${order}`);
    // A count of (nearly) all cars stops after 10,001 of them, wherever it reads.
    for (const statement of search.text || search.near ? (['count', 'facets'] as const) : []) {
      if ((await planOf(search, 'PRICE_ASC', statement)).includes('Seq Scan')) read.push(`${name} ${statement}`);
    }
  }
  expect(combinations).toHaveLength(16);
  expect(read).toEqual([]);
});

test('FL-04: nor does any other filter, on the first page or a deep one', async () => {
  const [station] = await fleet.owner`select id from stations order by id limit 1`;
  const filters: Record<string, VehicleSearch> = {
    category: { categories: ['SUV'] },
    fuel: { fuelTypes: ['ELECTRIC'] },
    transmission: { transmissions: ['MANUAL'] },
    seats: { minSeats: 7 },
    features: { features: ['CarPlay', 'Rear camera'] },
    station: { stationId: station?.id },
    all: { categories: ['SUV'], fuelTypes: ['PETROL'], transmissions: ['AUTOMATIC'], minSeats: 5, features: ['CarPlay'], available },
  };
  const deep = { PRICE_ASC: '700000', PRICE_DESC: '300000', NEWEST: '2029-01-01T10:00:00Z' };
  const read: string[] = [];
  for (const [name, search] of Object.entries(filters)) {
    for (const [order, value] of Object.entries(deep)) {
      const beyond = { first: 20, after: [value, '01900000-0000-7000-9002-000000050000'] };
      for (const page of [firstPage, beyond]) {
        if ((await planOf(search, order as VehicleOrder, 'page', page)).includes('Seq Scan')) read.push(`${name} by ${order} ${page.after ? 'deep' : ''}`);
      }
    }
  }
  expect(read).toEqual([]);
});

test('FL-04: the nearest come from the index in order, not from a sort of all', async () => {
  const plan = await planOf({ near, available }, 'DISTANCE', 'page');
  expect(plan).toMatch(/Index Scan using vehicles_listed_place/);
  expect(plan).toMatch(/Order By: .*<->/);
});

const SEARCH = `query($filter: VehicleFilter, $sort: VehicleSort, $first: Int, $after: String) {
  vehicles(filter: $filter, sort: $sort, first: $first, after: $after) { nodes { id make model position { lat lng } } pageInfo { hasNextPage endCursor } } }`;
interface Found {
  vehicles: {
    nodes: { id: string; make: string; model: string; position: { lat: number; lng: number } }[];
    pageInfo: { hasNextPage: boolean; endCursor: string };
  };
}
const search = (variables: Record<string, unknown>) => fleet.run<Found>(ANONYMOUS, SEARCH, variables);
const circle = { point: { lat: near.lat, lng: near.lng }, radiusKm: 1 };

/** Metres on a sphere, by another formula than the database's. */
function metres(a: { lat: number; lng: number }, b: { lat: number; lng: number }): number {
  const radians = (degrees: number) => (degrees * Math.PI) / 180;
  const h = Math.sin(radians(b.lat - a.lat) / 2) ** 2 + Math.cos(radians(a.lat)) * Math.cos(radians(b.lat)) * Math.sin(radians(b.lng - a.lng) / 2) ** 2;
  return 2 * 6_378_168 * Math.asin(Math.sqrt(h));
}

test('FL-03: all pages of all orders hold every car of the circle once, in order, and no other', async () => {
  const rows = await fleet.owner`select lat, lng from vehicles where use = 'RENTAL' and status = 'ACTIVE'`;
  const inside = rows.filter((row) => metres(circle.point, row as never) <= 1000).length;
  expect(inside).toBeGreaterThan(20);
  for (const sort of ['DISTANCE', 'PRICE_ASC', 'PRICE_DESC', 'NEWEST']) {
    const seen: Found['vehicles']['nodes'] = [];
    for (let after: string | null = null, more = true; more; ) {
      const { data, errors }: { data: Found; errors: unknown } = await search({ filter: { near: circle }, sort, first: 17, after });
      expect(errors).toEqual([]);
      seen.push(...data.vehicles.nodes);
      after = data.vehicles.pageInfo.endCursor;
      more = data.vehicles.pageInfo.hasNextPage;
    }
    expect(new Set(seen.map(({ id }) => id)).size).toBe(inside);
    expect(seen).toHaveLength(inside);
    const distances = seen.map(({ position }) => metres(circle.point, position));
    if (sort === 'DISTANCE') expect(distances.every((distance, index) => index === 0 || distance >= (distances[index - 1] ?? 0) - 0.01)).toBe(true);
  }
});

test('FL-03, FL-05: text, circle, price and window together, on all pages of all orders, are what a plain look at every car finds', async () => {
  const hours = (category: string) => (category === 'LUXURY' || category === 'SPORTS' ? 3 : 2);
  const rows = await fleet.owner`select v.id, v.lat, v.lng, v.category, v.daily_rate_minor::int as rate, v.created_at,
      coalesce(jsonb_agg(jsonb_build_array(b.from_at, b.to_at)) filter (where b.vehicle_id is not null), '[]') as busy
    from vehicles v left join busy_ranges b on b.vehicle_id = v.id
    where v.use = 'RENTAL' and v.status = 'ACTIVE' and v.make = 'Toyota' and v.model = 'Corolla' and v.daily_rate_minor between 60000 and 500000 group by v.id`;
  const point = { lat: near.lat, lng: near.lng };
  const isFree = (row: (typeof rows)[number]) => {
    const until = available.to.getTime() + hours(row.category) * 3_600_000;
    return !(row.busy as [string, string][]).some(([from, to]) => new Date(to) > available.from && new Date(from).getTime() < until);
  };
  const fitting = rows.filter((row) => metres(point, row as never) <= near.radiusKm * 1000 && isFree(row));
  expect(fitting.length).toBeGreaterThan(50);
  expect(rows.filter((row) => metres(point, row as never) <= near.radiusKm * 1000).length).toBeGreaterThan(fitting.length + 5);
  const newer = (a: string, b: string) => (a < b ? 1 : -1);
  const orders: Record<string, (a: (typeof rows)[number], b: (typeof rows)[number]) => number> = {
    // Two words of ours, fitting equally well for all.
    RELEVANCE: (a, b) => newer(a.id, b.id),
    NEWEST: (a, b) => b.created_at - a.created_at || newer(a.id, b.id),
    PRICE_ASC: (a, b) => a.rate - b.rate || -newer(a.id, b.id),
    PRICE_DESC: (a, b) => b.rate - a.rate || newer(a.id, b.id),
    DISTANCE: (a, b) => metres(point, a as never) - metres(point, b as never),
  };
  const filter = {
    ...{ text: 'toyota corola', near: { point, radiusKm: near.radiusKm }, dailyRate: { min: '600', max: '5000' } },
    available: { from: available.from.toISOString(), to: available.to.toISOString() },
  };
  for (const [sort, compare] of Object.entries(orders)) {
    const seen: string[] = [];
    for (let after: string | null = null, more = true; more; ) {
      const { data, errors }: { data: Found; errors: unknown } = await search({ filter, sort, first: 23, after });
      expect(errors).toEqual([]);
      seen.push(...data.vehicles.nodes.map(({ id }) => uuidOf('veh', id) ?? ''));
      after = data.vehicles.pageInfo.endCursor;
      more = data.vehicles.pageInfo.hasNextPage;
    }
    expect({ sort, seen }).toEqual({ sort, seen: [...fitting].sort(compare).map(({ id }) => id) });
  }
});

test('FL-03: cars that do not change are neither skipped nor shown twice while others come, go and change price', async () => {
  const before = (await search({ filter: { near: circle }, sort: 'PRICE_ASC', first: 100 })).data.vehicles.nodes.map(({ id }) => id);
  const seen: string[] = [];
  for (let after: string | null = null, more = true; more; ) {
    const { data }: { data: Found } = await search({ filter: { near: circle }, sort: 'PRICE_ASC', first: 5, after });
    seen.push(...data.vehicles.nodes.map(({ id }) => id));
    after = data.vehicles.pageInfo.endCursor;
    more = data.vehicles.pageInfo.hasNextPage && seen.length < 200;
    // The cheapest of all comes in at the front, and what was last on the page goes to the front as well.
    await fleet.owner`insert into vehicles select (jsonb_populate_record(v, jsonb_build_object('id', ${randomUUID()}::text, 'slug', ${randomUUID()}::text, 'plate', ${randomUUID()}::text,
      'daily_rate_minor', 1, 'lat', ${near.lat}::float8, 'lng', ${near.lng}::float8))).* from vehicles v where status = 'ACTIVE' limit 1`;
  }
  expect(seen.filter((id) => before.includes(id))).toEqual(before);
  await fleet.owner`delete from vehicles where daily_rate_minor = 1`;
});

test('FL-03: cars that leave or change their price on the way take nobody else with them', async () => {
  const before = (await search({ filter: { near: circle }, sort: 'PRICE_ASC', first: 100 })).data.vehicles.nodes.map(({ id }) => id);
  const moving = new Set(before.filter((_, index) => index % 4 === 3));
  const uuids = [...moving].map((id) => uuidOf('veh', id) ?? '');
  const saved = await fleet.owner`select id, daily_rate_minor, status from vehicles where id = any(${uuids})`;
  const seen: string[] = [];
  for (let after: string | null = null, more = true, page = 0; more; page += 1) {
    const { data }: { data: Found } = await search({ filter: { near: circle }, sort: 'PRICE_ASC', first: 6, after });
    seen.push(...data.vehicles.nodes.map(({ id }) => id));
    after = data.vehicles.pageInfo.endCursor;
    more = data.vehicles.pageInfo.hasNextPage && seen.length < 200;
    // The last car of the page before, and one that is still to come: the cursor's own row goes as well.
    for (const id of [uuids[page % uuids.length], uuids.at(-1 - (page % uuids.length)), uuidOf('veh', seen.filter((each) => moving.has(each)).at(-1) ?? '')]) {
      if (!id) continue;
      if (page % 2 === 0) await fleet.owner`update vehicles set status = 'RETIRED' where id = ${id}`;
      else await fleet.owner`update vehicles set status = 'ACTIVE', daily_rate_minor = daily_rate_minor * ${page % 3 === 0 ? 3 : 1} + 7 where id = ${id}`;
    }
  }
  for (const row of saved) await fleet.owner`update vehicles set status = ${row.status}, daily_rate_minor = ${row.daily_rate_minor} where id = ${row.id}`;
  expect(seen.filter((id) => !moving.has(id) && before.includes(id))).toEqual(before.filter((id) => !moving.has(id)));
});

interface Counted {
  vehicles: {
    totalCount: number;
    totalCountIsFloor: boolean;
    facets: {
      categories: { category: string; count: number }[];
      fuelTypes: { fuelType: string; count: number }[];
      priceBands: { from: string; below: string | null; count: number }[];
    };
  };
}
const COUNT = `query($filter: VehicleFilter) { vehicles(filter: $filter, first: 0) { totalCount totalCountIsFloor
  facets { categories { category count } fuelTypes { fuelType count } priceBands { from below count } } } }`;

test('FL-03: facets add up to the count; beyond 10,000 the count is a floor and says so', async () => {
  const { data, errors } = await fleet.run<Counted>(ANONYMOUS, COUNT, { filter: { near: circle } });
  expect(errors).toEqual([]);
  const { totalCount, totalCountIsFloor, facets } = data.vehicles;
  expect(totalCountIsFloor).toBe(false);
  for (const counts of [facets.categories, facets.fuelTypes, facets.priceBands]) expect(counts.reduce((sum, { count }) => sum + count, 0)).toBe(totalCount);
  expect(facets.priceBands[0]).toMatchObject({ from: '0.00', below: '1000.00' });
  const suv = await fleet.run<Counted>(ANONYMOUS, COUNT, { filter: { near: circle, categories: ['SUV'] } });
  expect(suv.data.vehicles.facets.categories).toEqual([{ category: 'SUV', count: facets.categories.find(({ category }) => category === 'SUV')?.count }]);
  const all = await fleet.run<Counted>(ANONYMOUS, COUNT, {});
  expect(all.data.vehicles).toMatchObject({ totalCount: 10_000, totalCountIsFloor: true });
});

test('FL-03: what nobody selects is not counted', async () => {
  const counting = '%count(*)::int%';
  const before = await fleet.statements(counting);
  await search({ filter: { near: circle } });
  expect((await fleet.statements(counting)) - before).toBe(0);
  await fleet.run(ANONYMOUS, COUNT, { filter: { near: circle } });
  expect((await fleet.statements(counting)) - before).toBe(2);
});

test('FL-04: words with typing errors, beginnings of words, and words that no car has', async () => {
  const models = async (text: string) => {
    const { data } = await search({ filter: { text }, first: 50 });
    return [...new Set(data.vehicles.nodes.map(({ make, model }) => `${make} ${model}`))];
  };
  expect(await models('toyta corola')).toEqual(['Toyota Corolla']);
  expect(await models('HYUNDIA tucsn')).toEqual(['Hyundai Tucson']);
  expect(await models('merced')).toEqual(['Mercedes-Benz E 200']);
  expect(await models('mercedes-benz')).toEqual(['Mercedes-Benz E 200']);
  expect(await models('zeppelin')).toEqual([]);
  expect(await models('corolla zeppelin')).toEqual([]);
  expect(await models('100% _ \' \\ " {}')).toEqual([]);
  expect((await search({ filter: { text: ' , ' }, sort: 'RELEVANCE' })).codes).toEqual(['VALIDATION_ERROR']);
  expect(searchWords('One two ONE three-four five six seven eight')).toEqual(['one', 'two', 'three', 'four', 'five', 'six']);
});

test('FL-04: the better a car fits the words, the earlier it comes', async () => {
  // No car has this word; "corolla" is nearer to it than anything else.
  const { data } = await search({ filter: { text: 'corollla' }, sort: 'RELEVANCE', first: 10 });
  expect(new Set(data.vehicles.nodes.map(({ model }) => model))).toEqual(new Set(['Corolla']));
});

test('FL-04: of two cars that a word nearly fits, the nearer word comes first, though the other is cheaper and newer', async () => {
  for (const [model, rate] of [
    ['Zenitha', 900_000],
    ['Zeni', 1_000],
  ] as const) {
    await fleet.owner`insert into vehicles select (jsonb_populate_record(v, jsonb_build_object('id', ${randomUUID()}::text, 'slug', ${randomUUID()}::text, 'plate', ${randomUUID()}::text,
      'make', 'Vostok', 'model', ${model}::text, 'daily_rate_minor', ${rate}::int, 'created_at', now()))).* from vehicles v where status = 'ACTIVE' limit 1`;
  }
  const { data } = await search({ filter: { text: 'zenithx' }, sort: 'RELEVANCE', first: 10 });
  expect(data.vehicles.nodes.map(({ model }) => model)).toEqual(['Zenitha', 'Zeni']);
  await fleet.owner`delete from vehicles where make = 'Vostok'`;
});

test('FL-04: a circle over the date line or a pole leaves longitudes open', () => {
  expect(boundsOf({ lat: 0, lng: 179.9, radiusKm: 100 }).longitudes).toBeNull();
  expect(boundsOf({ lat: 89.9, lng: 0, radiusKm: 100 }).longitudes).toBeNull();
  const { latitudes, longitudes } = boundsOf({ lat: 30, lng: 31, radiusKm: 10 });
  expect(latitudes.max - 30).toBeCloseTo(0.0898, 3);
  expect((longitudes?.max ?? 0) - 31).toBeCloseTo(0.1037, 3);
});
