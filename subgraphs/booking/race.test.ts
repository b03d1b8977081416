import { randomUUID } from 'node:crypto';
import { drizzle } from 'drizzle-orm/postgres-js';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Orm } from '../../platform/postgres.js';
import { eventually, startTestSubgraph, type TestSubgraph, user } from '../../test/subgraphHarness.js';
import { type Customer, given, tally } from './booking.given.js';
import { MAX_LIVE_BOOKINGS } from './bookingCommands.js';
import { startBooking } from './main.js';
import { claimVehicle } from './claimQueries.js';
import { quotes } from './tables.js';

let booking: TestSubgraph;
let say: ReturnType<typeof given>;
beforeAll(async () => {
  booking = await startTestSubgraph('booking', startBooking);
  say = given(booking);
});
afterAll(() => booking[Symbol.asyncDispose]());

const people = (count: number): Customer[] => Array.from({ length: count }, () => say.customer());
const outcomeOf = ({ data, codes }: Awaited<ReturnType<typeof say.create>>) => codes[0] ?? data.createBooking.status;
const seeded = (seed: number) => () => {
  seed = (seed * 1_664_525 + 1_013_904_223) % 2 ** 32;
  return seed / 2 ** 32;
};

test('BK-01: fifty customers race for one car: one hold, forty-nine clean refusals with the next free time', async () => {
  const car = await say.vehicle();
  const times = say.hoursAhead(48, 48);
  const rivals = await Promise.all(people(50).map(async (actor) => ({ actor, quote: await say.quoted(actor, car.id, times) })));
  const answers = await Promise.all(rivals.map(({ actor, quote }) => say.create(actor, quote.id)));
  expect(tally(answers.map(outcomeOf))).toEqual({ HELD: 1, VEHICLE_UNAVAILABLE: 49 });
  const next = new Set(answers.flatMap(({ errors }) => errors.map(({ extensions }) => (extensions.details as { nextFreeFrom: string }).nextFreeFrom)));
  expect([...next]).toEqual([new Date(new Date(times.returnAt).getTime() + 2 * 3_600_000).toISOString()]);
  expect(await say.overlaps()).toEqual([]);
  expect((await booking.owner`select 1 from bookings where vehicle_id = ${car.uuid}`).length).toBe(1);
  expect((await booking.emitted<{ vehicleId: string }>('booking.held')).filter(({ vehicleId }) => vehicleId === car.uuid)).toHaveLength(1);
  // The next free time that losers are told is one that can be had.
  const loser = people(1)[0] as Customer;
  const from = [...next][0] as string;
  const moved = { pickupAt: from, returnAt: new Date(new Date(from).getTime() + 48 * 3_600_000).toISOString() };
  expect((await say.held(loser, car.id, moved)).status).toBe('HELD');
});

test('BK-01: fifty customers with ranges that overlap only in part: no two winners overlap', async () => {
  const car = await say.vehicle();
  const random = seeded(7);
  const rivals = await Promise.all(
    people(50).map(async (actor) => ({
      actor,
      quote: await say.quoted(actor, car.id, say.hoursAhead(48 + Math.floor(random() * 200), 1 + Math.floor(random() * 60))),
    })),
  );
  const outcomes = tally((await Promise.all(rivals.map(({ actor, quote }) => say.create(actor, quote.id)))).map(outcomeOf));
  expect(Object.keys(outcomes).sort()).toEqual(['HELD', 'VEHICLE_UNAVAILABLE']);
  expect(outcomes.HELD).toBeGreaterThan(1);
  expect(await say.overlaps()).toEqual([]);
});

test('BK-01: a storm of bookings, cancellations, payments and expiries over ten cars leaves no overlap and nothing undecided', async () => {
  const cars = await Promise.all(Array.from({ length: 10 }, () => say.vehicle()));
  const random = seeded(42);
  const seen: string[] = [];
  const rivals = cars.flatMap((car) => people(10).map((actor) => ({ car, actor })));
  const storm = rivals.map(async ({ car, actor }) => {
    for (let round = 0; round < 3; round += 1) {
      const quote = await say.quote(actor, car.id, say.hoursAhead(48 + Math.floor(random() * 40), 4 + Math.floor(random() * 40)));
      if (quote.codes[0]) {
        seen.push(`quote ${quote.codes[0]}`);
        continue;
      }
      const made = await say.create(actor, quote.data.quoteRental.id);
      seen.push(outcomeOf(made));
      if (made.codes.length > 0) continue;
      const { id } = made.data.createBooking;
      const fate = random();
      const uuid = (
        await booking.owner`select booking_id from booking_transitions where actor = ${`user:${actor.id}`} and to_status = 'HELD' order by at desc limit 1`
      )[0]?.booking_id;
      if (fate < 0.3) seen.push(`cancel ${(await say.cancel(actor, id)).data.cancelBooking.status}`);
      else if (fate < 0.5) await say.payment('authorised', uuid);
      else if (fate < 0.7) await say.payment('declined', uuid, { code: 'CARD_DECLINED' });
      // Its hold ends now, as if a quarter of an hour had passed for it.
      else if (fate < 0.9) {
        await booking.owner`update bookings set hold_expires_at = now() where id = ${uuid}`;
        await booking.owner`update timers set due_at = now() where key = ${uuid}`;
      }
    }
  });
  await Promise.all(storm);
  const counts = tally(seen);
  expect(Object.keys(counts).sort()).toEqual(['HELD', 'VEHICLE_UNAVAILABLE', 'cancel CANCELLED', 'quote VEHICLE_UNAVAILABLE']);
  await eventually(
    async () => (await booking.owner`select 1 from bookings where status = 'HELD' and hold_expires_at <= now()`).length === 0,
    'all ended holds to expire',
  );
  expect(await say.overlaps()).toEqual([]);
  const ends = await booking.owner`select status, count(*)::int as n from bookings group by status`;
  expect(ends.map((row) => row.status)).toEqual(expect.arrayContaining(['CANCELLED', 'CONFIRMED', 'EXPIRED']));
  // Every booking's log ends where the booking is, and every end was told once.
  expect(
    await booking.owner`select b.id from bookings b
      where b.status <> (select t.to_status from booking_transitions t where t.booking_id = b.id order by t.sequence desc limit 1)`,
  ).toEqual([]);
  expect(
    await booking.owner`select b.id from bookings b where b.status in ('CANCELLED', 'EXPIRED', 'CONFIRMED')
    and (select count(*) from events e where e.aggregate_id = b.id and e.type = 'booking.' || lower(b.status)) <> 1`,
  ).toEqual([]);
});

test('BK-04: twenty calls with one idempotency key make one booking, and all get it', async () => {
  const mona = say.customer();
  const car = await say.vehicle();
  const { id } = await say.quoted(mona, car.id, say.hoursAhead(48));
  const idempotencyKey = randomUUID();
  const answers = await Promise.all(Array.from({ length: 20 }, () => say.create(mona, id, { idempotencyKey })));
  expect(tally(answers.map(outcomeOf))).toEqual({ HELD: 20 });
  expect(new Set(answers.map(({ data }) => data.createBooking.id)).size).toBe(1);
  expect((await booking.owner`select 1 from bookings where customer_id = ${mona.id}`).length).toBe(1);
});

test('BK-03: twenty calls with different keys on one quote make one booking', async () => {
  const mona = say.customer();
  const { id } = await say.quoted(mona, (await say.vehicle()).id, say.hoursAhead(48));
  const answers = await Promise.all(Array.from({ length: 20 }, () => say.create(mona, id)));
  expect(tally(answers.map(outcomeOf))).toEqual({ HELD: 1, QUOTE_USED: 19 });
});

test('BK-05: a customer has at most ten live bookings, also when fifteen are asked for at once', async () => {
  const mona = say.customer();
  const cars = await Promise.all(Array.from({ length: 15 }, () => say.vehicle()));
  const quotes = await Promise.all(cars.map((car) => say.quoted(mona, car.id, say.hoursAhead(48))));
  const answers = await Promise.all(quotes.map(({ id }) => say.create(mona, id)));
  expect(tally(answers.map(outcomeOf))).toEqual({ HELD: MAX_LIVE_BOOKINGS, TOO_MANY_BOOKINGS: 5 });
  const refused = quotes[answers.findIndex(({ codes }) => codes.length > 0)]?.id as string;
  const made = answers.find(({ codes }) => codes.length === 0)?.data.createBooking.id as string;
  await say.cancel(mona, made);
  expect(outcomeOf(await say.create(mona, refused))).toBe('HELD');
});

test('BK-06: a customer and an admin cancel at once: it is cancelled once', async () => {
  const mona = say.customer();
  const made = await say.confirmed(mona, (await say.vehicle()).id, say.hoursAhead(48));
  const answers = await Promise.all([mona, user('ADMIN'), mona, user('ADMIN'), mona].map((actor) => say.cancel(actor, made.id)));
  const outcomes = tally(answers.map(({ data, codes }) => codes[0] ?? data.cancelBooking.status));
  expect((outcomes.CANCELLED ?? 0) + (outcomes.INVALID_TRANSITION ?? 0)).toBe(5);
  expect(await say.emittedFor('booking.cancelled', made.uuid)).toHaveLength(1);
});

test('BK-01: the victim of a deadlock is told that the car is taken, and its transaction goes on', async () => {
  const cars = [await say.vehicle(), await say.vehicle()];
  const mona = say.customer();
  const orm = drizzle(booking.owner) as unknown as Orm;
  const claim = async (tx: Orm, car: number) => {
    const times = say.hoursAhead(48);
    const [from, to] = [new Date(times.pickupAt), new Date(times.returnAt)];
    const quoteId = randomUUID();
    const price = { dailyRateMinor: 1n, totalMinor: 1n, currency: 'EGP' };
    const rental = { customerId: mona.id, vehicleId: cars[car]?.uuid as string, pickupAt: from, returnAt: to, createdAt: from, ...price };
    await tx.insert(quotes).values({ ...rental, id: quoteId, days: 1, lines: [], expiresAt: to });
    const booked = {
      ...rental,
      id: randomUUID(),
      quoteId,
      status: 'HELD',
      during: { from, to },
      paymentMethod: 'WALLET',
      holdExpiresAt: to,
      updatedAt: from,
    } as const;
    return (await claimVehicle(tx, booked)) ? 'HELD' : 'taken';
  };
  let arrived = 0;
  const both = async () => {
    arrived += 1;
    await eventually(() => arrived === 2);
  };
  const crossing = (first: number, second: number) =>
    orm.transaction(async (tx) => {
      const outcome = [await claim(tx, first)];
      await both();
      outcome.push(await claim(tx, second));
      await tx.execute('select 1');
      return outcome.join(' ');
    });
  expect((await Promise.all([crossing(0, 1), crossing(1, 0)])).every((outcome) => outcome === 'HELD taken')).toBe(true);
});
