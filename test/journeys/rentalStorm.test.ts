import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { publicId, uuidOf } from '../../platform/ids.js';
import { several } from '../given/people.js';
import { startGraph, type TestGraph } from '../graphHarness.js';
import { eventually, tally } from '../subgraphHarness.js';

const CARS = 100;
const RIVALS = 32;
/** So many customers want 32 cars each; none wins ten of them, which would be the limit of bookings. */
const CUSTOMERS = 100;
const HOUR_MS = 3_600_000;
/** For what never comes: behind this crowd, two busy processors take more than a minute for what is left to do. */
const LONG_MS = 180_000;
const PREPARATION_MS = 2 * HOUR_MS;
const STATION = 'stn_01j0000000e008008000000001';

let graph: TestGraph;
let admin: string;
let customers: string[];
beforeAll(async () => {
  graph = await startGraph('one');
  const { signIn } = await graph.anonymous().SignIn({ input: { email: 'admin@demo.test', password: 'Waygraph1' } });
  admin = signIn.accessToken;
  customers = await several(CUSTOMERS, async () => (await graph.newCustomer()).session.accessToken);
}, 120_000);
afterAll(() => graph[Symbol.asyncDispose]());

interface Answer<T> {
  data: T;
  code: string | undefined;
  nextFreeFrom: string | null | undefined;
}
/** Everything goes over HTTP, and nothing is ever answered with 500, whatever happens at that moment. */
async function ask<T>(token: string, query: string, variables: object): Promise<Answer<T>> {
  const { status, json } = await graph.post({ query, variables }, { authorization: `Bearer ${token}` });
  expect(status).toBe(200);
  const { code, details } = json.errors?.[0]?.extensions ?? {};
  return { data: json.data as T, code: code as string | undefined, nextFreeFrom: (details as { nextFreeFrom?: string | null } | undefined)?.nextFreeFrom };
}
const granted = <T>({ data, code }: Answer<T>): T => {
  expect(code).toBeUndefined();
  return data;
};

const beginning = Math.ceil(Date.now() / HOUR_MS) * HOUR_MS;
const hoursAhead = (start: number, length = 24) => ({
  pickupAt: new Date(beginning + start * HOUR_MS).toISOString(),
  returnAt: new Date(beginning + (start + length) * HOUR_MS).toISOString(),
});
/** What everybody wants; what some have before it, and what some hold behind it. */
const [WANTED, BEFORE, BEHIND] = [hoursAhead(96), hoursAhead(48), hoursAhead(300)];

const QUOTE = 'mutation($input: QuoteRentalInput!) { quoteRental(input: $input) { id } }';
const BOOK = 'mutation($input: CreateBookingInput!) { createBooking(input: $input) { id status } }';
const CHANGE = 'mutation($input: ChangeBookingInput!) { changeBooking(input: $input) { id } }';
const CANCEL = 'mutation($input: CancelBookingInput!) { cancelBooking(input: $input) { id } }';
const SWAP = 'mutation($input: SwapVehiclesInput!) { swapVehicles(input: $input) { id } }';
const RETURN = 'mutation($input: ReturnRentalInput!) { returnRental(input: $input) { id } }';

async function quoted(token: string, vehicleId: string, times: typeof WANTED, more: object = {}): Promise<string> {
  return granted(await ask<{ quoteRental: { id: string } }>(token, QUOTE, { input: { vehicleId, ...times, ...more } })).quoteRental.id;
}
const book = (token: string, quoteId: string) =>
  ask<{ createBooking: { id: string } }>(token, BOOK, { input: { quoteId, paymentMethod: 'CARD', paymentToken: 'tok_ok', idempotencyKey: randomUUID() } });

interface Booked {
  id: string;
  token: string;
}
async function confirmed(token: string, vehicleId: string, times: typeof WANTED): Promise<Booked> {
  const { id } = granted(await book(token, await quoted(token, vehicleId, times))).createBooking;
  const uuid = uuidOf('bkg', id);
  await eventually(
    async () => (await graph.owner('booking')`select 1 from bookings where id = ${uuid} and status = 'CONFIRMED'`).length > 0,
    'the payment',
    LONG_MS,
  );
  return { id, token };
}

/** Cars of the fleet, added by an admin; each has a plate of its own. */
async function newCars(count: number, series: string): Promise<string[]> {
  const facts = { make: 'Kia', model: 'Rio', year: 2025, category: 'ECONOMY', fuelType: 'PETROL', transmission: 'MANUAL', seats: 5, stationId: STATION };
  const create = 'mutation($input: CreateVehicleInput!) { createVehicle(input: $input) { id } }';
  const cars = await several(count, async (n) => {
    const input = { ...facts, plate: `${series} ${n}`, dailyRate: { amount: '900.00', currency: 'EGP' } };
    return granted(await ask<{ createVehicle: { id: string } }>(admin, create, { input })).createVehicle.id;
  });
  const uuids = cars.map((id) => uuidOf('veh', id) as string);
  const known = async () => (await graph.owner('booking')`select 1 from vehicles where vehicle_id = any(${uuids}::uuid[])`).length;
  await eventually(async () => (await known()) === count, 'booking to know the cars', LONG_MS);
  return cars;
}

/** As if its pick-up had come, and then its return time without the car: the clock of a running graph cannot be moved. */
async function goesOut({ id }: Booked): Promise<void> {
  const sql = graph.owner('booking');
  const uuid = uuidOf('bkg', id) as string;
  await sql`update bookings set status = 'ACTIVE', started_at = now(), start_odometer_km = 1, start_fuel_percent = 50, pickup_at = now() - interval '3 days',
    return_at = now() - interval '1 hour' where id = ${uuid}`;
  await sql`insert into timers (id, kind, key, payload, due_at, metadata)
    values (gen_random_uuid(), 'overdueReturn', ${uuid}, '{}', now(), '{"traceId": "0", "causationId": "0"}')`;
  await eventually(
    async () => (await sql`select 1 from bookings where id = ${uuid} and overdue_since is not null`).length > 0,
    'the rental to be overdue',
    LONG_MS,
  );
}

test('BK-01: 100 cars, 32 rivals for each at once, through the graph, while others change, swap, cancel, expire and bring back late', {
  timeout: 600_000,
}, async () => {
  const sql = graph.owner('booking');
  const [cars, lateCars] = [await newCars(CARS, 'STORM'), await newCars(4, 'LATE')];
  const customer = (n: number) => customers[n % CUSTOMERS] as string;
  const car = (n: number) => cars[n % CARS] as string;
  // Who has something of the same cars already: 8 to change dates, 8 to change car and dates, 8 to swap, 8 to cancel, 8 to be late.
  const had = await several(32, (n) => confirmed(customer(n), car(n * 3), BEFORE), 16);
  const lateOnes = await several(lateCars.length, (n) => confirmed(customer(40 + n), lateCars[n] as string, BEFORE));
  const changes = await several(16, async (n) => {
    const one = had[n] as Booked;
    return { ...one, quoteId: await quoted(one.token, car(n < 8 ? n * 3 : n * 3 + 1), WANTED, { changesBookingId: one.id }) };
  });
  // Every car's rivals are other customers than its neighbour's, so that nobody is always the first.
  const rivals = [...cars, ...lateCars].flatMap((vehicleId, n) =>
    Array.from({ length: RIVALS }, (_, rival) => ({ vehicleId, token: customer(n * 37 + rival * 3), quoteId: '' })),
  );
  const held = Array.from({ length: 16 }, (_, n) => ({ vehicleId: car(n * 6), token: customer(n * 6), quoteId: '' }));
  await several(
    rivals.length,
    async (n) => {
      const rival = rivals[n] as (typeof rivals)[number];
      rival.quoteId = await quoted(rival.token, rival.vehicleId, WANTED);
    },
    32,
  );
  for (const one of held) one.quoteId = await quoted(one.token, one.vehicleId, BEHIND);

  const outcomes = new Map<string, string[]>([...cars, ...lateCars].map((id) => [id, []]));
  const told = new Set<unknown>();
  const seen: string[] = [];
  const note = (what: string, { code }: Answer<unknown>) => void seen.push(`${what} ${code ?? 'done'}`);
  const rush = rivals.map(({ vehicleId, token, quoteId }) => async () => {
    const answer = await book(token, quoteId);
    outcomes.get(vehicleId)?.push(answer.code ?? 'HELD');
    if (answer.code && cars.includes(vehicleId)) told.add(answer.nextFreeFrom);
  });
  const others: (() => Promise<void>)[] = [
    ...changes.map(({ id, token, quoteId }, n) => async () => {
      const answer = await ask(token, CHANGE, { input: { bookingId: id, quoteId, idempotencyKey: randomUUID() } });
      note('change', answer);
      outcomes.get(car(n < 8 ? n * 3 : n * 3 + 1))?.push(answer.code ?? 'HELD');
      if (answer.code) told.add(answer.nextFreeFrom);
    }),
    ...had.slice(16, 24).map(
      ({ id }, n) =>
        async () =>
          note('swap', await ask(admin, SWAP, { input: { bookingId: id, otherBookingId: had[16 + ((n + 1) % 8)]?.id } })),
    ),
    ...had.slice(24).map(
      ({ id, token }) =>
        async () =>
          note('cancel', await ask(token, CANCEL, { input: { bookingId: id } })),
    ),
    // A hold that ends in the moment in which its payment is on its way.
    ...held.map(({ token, quoteId }) => async () => {
      const uuid = uuidOf('bkg', granted(await book(token, quoteId)).createBooking.id) as string;
      await sql`update bookings set hold_expires_at = now() where id = ${uuid}`;
      await sql`update timers set due_at = now() where key = ${uuid} and kind = 'holdExpiry'`;
    }),
    ...lateOnes.map((one) => async () => {
      await goesOut(one);
      note('return', await ask(admin, RETURN, { input: { bookingId: one.id, odometerKm: 100, fuelPercent: 50 } }));
    }),
  ];
  // The others come spread over the rush.
  const everything = rush.flatMap((one, n) => (n % Math.floor(rush.length / others.length) === 0 ? [one, others.pop() ?? one] : [one]));
  const all = [...new Set([...everything, ...others])];
  await several(all.length, (n) => all[n]?.() ?? Promise.resolve(), 96);

  for (const [id, of] of outcomes) {
    const counts = tally(of);
    if (cars.includes(id)) expect(counts).toEqual({ HELD: 1, VEHICLE_UNAVAILABLE: of.length - 1 });
    // A car that was out late was nobody's until it was back.
    else expect([counts, (counts.HELD ?? 0) <= 1, (counts.HELD ?? 0) + (counts.VEHICLE_UNAVAILABLE ?? 0)]).toEqual([counts, true, RIVALS]);
  }
  expect([...told]).toEqual([new Date(new Date(WANTED.returnAt).getTime() + PREPARATION_MS).toISOString()]);
  const did = tally(seen);
  expect(Object.keys(did).filter((outcome) => !/^(change|swap|cancel|return) (done|VEHICLE_UNAVAILABLE)$/.test(outcome))).toEqual([]);
  for (const what of ['swap', 'cancel', 'return']) expect(did[`${what} done`]).toBeGreaterThan(0);
  expect([did['cancel done'], did['return done']]).toEqual([8, 4]);

  const open = () => sql`select 1 from bookings where status = 'HELD'`;
  await eventually(async () => (await open()).length === 0, 'every payment and every hold to be over', LONG_MS);
  // By a query of our own: neither bookings nor claims of one car meet, and every booking that blocks has its claim.
  const blocking = ['HELD', 'CONFIRMED', 'ACTIVE'];
  expect(
    await sql`select a.id from bookings a join bookings b on a.vehicle_id = b.vehicle_id and a.id < b.id where a.status = any(${blocking})
      and b.status = any(${blocking}) and lower(a.during) < upper(b.during) and lower(b.during) < upper(a.during)`,
  ).toEqual([]);
  expect(
    await sql`select a.id from vehicle_claims a join vehicle_claims b on a.vehicle_id = b.vehicle_id and a.id < b.id
      where lower(a.during) < upper(b.during) and lower(b.during) < upper(a.during)`,
  ).toEqual([]);
  expect(
    await sql`select b.id from bookings b where (b.status = any(${blocking}))
      <> exists (select 1 from vehicle_claims c where c.holder_id = b.id and c.kind = 'BOOKING' and c.vehicle_id = b.vehicle_id)`,
  ).toEqual([]);
  // Who won has it, and nobody else.
  const uuids = cars.map((id) => uuidOf('veh', id) as string);
  const winners = await sql`select vehicle_id, count(*)::int as n from bookings where vehicle_id = any(${uuids}::uuid[]) and pickup_at = ${WANTED.pickupAt}
    and status = 'CONFIRMED' group by vehicle_id`;
  expect(winners.map(({ vehicle_id, n }) => [publicId('veh', vehicle_id as string), n]).sort()).toEqual(cars.map((id) => [id, 1]).sort());
  const health = async () => {
    const { data } = await ask<{ systemHealth: { violations: { kind: string }[] } }>(admin, '{ systemHealth { violations { kind reference } } }', {});
    return data.systemHealth.violations.filter(({ kind }) => kind !== 'EVENT_NOT_DELIVERED');
  };
  await eventually(async () => (await health()).length === 0, 'nothing to be wrong anywhere', LONG_MS);
});
