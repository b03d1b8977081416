import { afterAll, beforeAll, expect, test } from 'vitest';
import { uuidOf } from '../../platform/ids.js';
import { eventually, startTestSubgraph, type TestSubgraph, user } from '../../test/subgraphHarness.js';
import { type Customer, given, tally } from './booking.given.js';
import { startBooking } from './main.js';

const CARS = 100;
const RIVALS = 32;
const HOUR_MS = 3_600_000;

let booking: TestSubgraph;
let say: ReturnType<typeof given>;
const admin = user('ADMIN');
beforeAll(async () => {
  booking = await startTestSubgraph('booking', startBooking);
  say = given(booking);
});
afterAll(() => booking[Symbol.asyncDispose]());

const seeded = (seed: number) => () => {
  seed = (seed * 1_664_525 + 1_013_904_223) % 2 ** 32;
  return seed / 2 ** 32;
};
const outcomeOf = ({ data, codes }: Awaited<ReturnType<typeof say.create>>) => codes[0] ?? data.createBooking.status;

/** Runs so many at a time: more than the pool has connections, fewer than would only wait. */
async function inParallel<T>(items: readonly T[], width: number, work: (item: T, index: number) => Promise<void>): Promise<void> {
  const waiting = items.map((item, index) => ({ item, index }));
  const worker = async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) await work(next.item, next.index);
  };
  await Promise.all(Array.from({ length: width }, worker));
}

async function nothingOverlaps(): Promise<void> {
  expect(await say.overlaps()).toEqual([]);
  expect(await say.claimedTwice()).toEqual([]);
  const health = `{ _entities(representations: [{ __typename: "SystemHealth", id: "system" }]) { ... on SystemHealth { bookingViolations { kind reference } } } }`;
  const { data } = await booking.run<{ _entities: { bookingViolations: { kind: string }[] }[] }>(admin, health);
  expect(data._entities[0]?.bookingViolations.filter(({ kind }) => kind !== 'EVENT_NOT_DELIVERED')).toEqual([]);
}

test('BK-01: 100 cars, 32 rivals for each at once: one winner each, every other is told the next free time', { timeout: 300_000 }, async () => {
  const cars = await Promise.all(Array.from({ length: CARS }, () => say.vehicle()));
  const times = say.hoursAhead(48, 24);
  const rivals = cars.flatMap((car) => Array.from({ length: RIVALS }, () => ({ car, actor: say.customer(), quoteId: '' })));
  await inParallel(rivals, 40, async (rival) => {
    rival.quoteId = (await say.quoted(rival.actor, rival.car.id, times)).id;
  });
  // Neighbours in the list want the same car.
  const answers = new Map<string, string[]>();
  const told = new Set<string>();
  await inParallel(rivals, 200, async ({ car, actor, quoteId }) => {
    const answer = await say.create(actor, quoteId);
    answers.set(car.id, [...(answers.get(car.id) ?? []), outcomeOf(answer)]);
    for (const { extensions } of answer.errors) told.add(String((extensions.details as { nextFreeFrom: string }).nextFreeFrom));
  });
  for (const outcomes of answers.values()) expect(tally(outcomes)).toEqual({ HELD: 1, VEHICLE_UNAVAILABLE: RIVALS - 1 });
  expect([...told]).toEqual([new Date(new Date(times.returnAt).getTime() + 2 * HOUR_MS).toISOString()]);
  await nothingOverlaps();
});

interface Rider {
  actor: Customer;
  live: { id: string; uuid: string }[];
}

test('BK-06b: bookings, changes, swaps, cancellations, expiries, blocks and late returns mixed: nothing overlaps, and every refusal is a clear one', {
  timeout: 300_000,
}, async () => {
  const cars = await Promise.all(Array.from({ length: 12 }, () => say.vehicle()));
  const random = seeded(11);
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T;
  const seen: string[] = [];
  const note = (what: string, { codes }: { codes: string[] }) => seen.push(`${what} ${codes[0] ?? 'done'}`);
  const confirmed: { id: string; uuid: string }[] = [];
  const riders: Rider[] = Array.from({ length: 64 }, () => ({ actor: say.customer(), live: [] }));

  const book = async ({ actor, live }: Rider) => {
    const quote = await say.quote(actor, pick(cars).id, say.hoursAhead(24 + Math.floor(random() * 60), 3 + Math.floor(random() * 20)));
    if (quote.codes[0]) return void note('quote', quote);
    const made = await say.create(actor, quote.data.quoteRental.id);
    note('book', made);
    if (made.codes[0]) return;
    const { id } = made.data.createBooking;
    const one = { id, uuid: uuidOf('bkg', id) ?? '' };
    const fate = random();
    if (fate < 0.2) {
      // Its hold ends now, as if a quarter of an hour had passed for it.
      await booking.owner`update bookings set hold_expires_at = now() where id = ${one.uuid}`;
      await booking.owner`update timers set due_at = now() where key = ${one.uuid} and kind = 'holdExpiry'`;
      return;
    }
    await say.payment('authorised', one.uuid);
    live.push(one);
    confirmed.push(one);
  };
  const change = async ({ actor, live }: Rider) => {
    const one = pick(live);
    if (!one) return;
    const wish = say.hoursAhead(24 + Math.floor(random() * 60), 3 + Math.floor(random() * 20));
    const quote = await say.quote(actor, pick(cars).id, wish, { changesBookingId: one.id });
    if (quote.codes[0]) return void note('requote', quote);
    note('change', await say.change(actor, one.id, quote.data.quoteRental.id));
  };
  const swap = async () => {
    const [one, other] = [pick(confirmed), pick(confirmed)];
    if (one && other && one !== other) note('swap', await say.swap(admin, one.id, other.id));
  };
  const cancel = async ({ actor, live }: Rider) => {
    const one = live.pop();
    if (one) note('cancel', await say.cancel(actor, one.id));
  };
  const block = async () => {
    const { pickupAt, returnAt } = say.hoursAhead(24 + Math.floor(random() * 60), 1 + Math.floor(random() * 6));
    const made = await say.block(admin, pick(cars).id, pickupAt, returnAt);
    note('block', made);
    const id = made.data?.blockVehicle?.id;
    if (id && random() < 0.7) note('unblock', await booking.run(admin, 'mutation($id: ID!) { unblockVehicle(id: $id) { id } }', { id }));
  };
  // As if the pick-up had come, and then the return time without the car.
  const lateReturn = async () => {
    const one = pick(confirmed);
    if (!one) return;
    const begun = await booking.owner`update bookings set status = 'ACTIVE', started_at = now(), start_odometer_km = 1, start_fuel_percent = 50
      where id = ${one.uuid} and status = 'CONFIRMED' and not exists (select 1 from bookings a where a.vehicle_id = bookings.vehicle_id and a.status = 'ACTIVE')
      returning vehicle_id, return_at`.catch(() => []);
    if (begun.length === 0) return;
    await booking.owner`update bookings set pickup_at = now() - interval '3 days', return_at = now() - interval '1 hour' where id = ${one.uuid}`;
    await booking.owner`insert into timers (id, kind, key, payload, due_at, metadata)
      values (gen_random_uuid(), 'overdueReturn', ${one.uuid}, '{}', now(), '{"traceId": "0", "causationId": "0"}') on conflict do nothing`;
    await eventually(async () => (await booking.owner`select 1 from bookings where id = ${one.uuid} and overdue_since is not null`).length > 0, 'overdue');
    note('return', await say.bringBack(admin, one.id));
  };
  await inParallel(
    Array.from({ length: 1_200 }, (_, n) => n),
    32,
    async () => {
      const rider = pick(riders);
      const fate = random();
      if (fate < 0.45) await book(rider);
      else if (fate < 0.62) await change(rider);
      else if (fate < 0.77) await swap();
      else if (fate < 0.87) await cancel(rider);
      else if (fate < 0.96) await block();
      else await lateReturn();
    },
  );
  const counts = tally(seen);
  const clear = /^(\w+ )(done|VEHICLE_UNAVAILABLE|BOOKING_NOT_CHANGEABLE|INVALID_TRANSITION|TOO_MANY_BOOKINGS|PICKUP_PASSED)$/;
  expect(Object.keys(counts).filter((outcome) => !clear.test(outcome))).toEqual([]);
  for (const what of ['book', 'change', 'swap', 'cancel', 'block', 'unblock', 'return']) expect(counts[`${what} done`]).toBeGreaterThan(0);
  await eventually(
    async () => (await booking.owner`select 1 from bookings where status = 'HELD' and hold_expires_at <= now()`).length === 0,
    'holds to expire',
  );
  await nothingOverlaps();
});
