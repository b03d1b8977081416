import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { publicId, uuidOf } from '../../platform/ids.js';
import { eventually, startTestSubgraph, type TestSubgraph, user } from '../../test/subgraphHarness.js';
import { type Customer, given, tally } from './booking.given.js';
import { startBooking } from './main.js';

let booking: TestSubgraph;
let say: ReturnType<typeof given>;
const admin = user('ADMIN');
beforeAll(async () => {
  booking = await startTestSubgraph('booking', startBooking);
  say = given(booking);
});
afterAll(() => booking[Symbol.asyncDispose]());

const outcomeOf = ({ data, codes }: Awaited<ReturnType<typeof say.create>>) => codes[0] ?? data.createBooking.status;
const seeded = (seed: number) => () => {
  seed = (seed * 1_664_525 + 1_013_904_223) % 2 ** 32;
  return seed / 2 ** 32;
};

async function stations(count: number): Promise<{ uuid: string; id: string }[]> {
  return Promise.all(
    Array.from({ length: count }, async () => {
      const uuid = randomUUID();
      await say.vehicle({ stationId: uuid, category: 'VAN' });
      return { uuid, id: publicId('stn', uuid) };
    }),
  );
}

/** Jobs that are about to tell somebody have done so. */
const jobsDone = () =>
  eventually(
    async () => (await booking.owner`select 1 from timers where kind = 'behindLateRental' and due_at <= ${booking.environment.clock()}`).length === 0,
    'the jobs that tell the stranded',
    60_000,
  );

interface Link {
  id: string;
  vehicle_id: string;
  status: string;
  station_id: string;
  ends_at: string;
  at_risk_why: string | null;
  car_at: string;
}

/** Follows each car from booking to booking, without the help of what the product asks: who comes to a station where the car is not, and who was told so. */
async function strandedBookings(): Promise<{ stranded: string[]; told: string[] }> {
  const rows = await booking.owner<Link[]>`select b.id, b.vehicle_id, b.status, b.station_id, coalesce(b.return_station_id, b.station_id) as ends_at,
      b.at_risk_why, v.station_id as car_at
    from bookings b join vehicles v using (vehicle_id) where b.status in ('HELD', 'CONFIRMED', 'ACTIVE') order by b.vehicle_id, lower(b.during)`;
  const places = new Map<string, string>();
  const stranded: string[] = [];
  for (const link of rows) {
    if (link.status !== 'ACTIVE' && link.station_id !== (places.get(link.vehicle_id) ?? link.car_at)) stranded.push(link.id);
    places.set(link.vehicle_id, link.ends_at);
  }
  return {
    stranded: stranded.sort(),
    told: rows
      .filter((link) => link.at_risk_why === 'ELSEWHERE')
      .map(({ id }) => id)
      .sort(),
  };
}

async function violations(): Promise<unknown[]> {
  const query =
    '{ _entities(representations: [{ __typename: "SystemHealth", id: "system" }]) { ... on SystemHealth { bookingViolations { kind reference } } } }';
  const { data } = await booking.run<{ _entities: { bookingViolations: { kind: string }[] }[] }>(admin, query);
  return (data._entities[0]?.bookingViolations ?? []).filter(({ kind }) => !['EVENT_NOT_DELIVERED', 'HOLD_NOT_EXPIRED'].includes(kind));
}

test('BK-01: a one-way rental races with ordinary ones that begin later where the car was: nobody is sent to a station where it is not', {
  timeout: 180_000,
}, async () => {
  const [here, there] = await stations(2);
  const seen: string[] = [];
  for (let round = 0; round < 40; round += 1) {
    const car = await say.vehicle({ stationId: here?.uuid });
    const rivals = await Promise.all(
      [100, 150, 200, 250].map(async (start) => {
        const actor = say.customer();
        return { actor, quoteId: (await say.quoted(actor, car.id, say.hoursAhead(start))).id };
      }),
    );
    const mover = say.customer();
    const { id: oneWay } = (await say.quote(mover, car.id, say.hoursAhead(48), { returnStationId: there?.id })).data.quoteRental;
    const early = say.customer();
    const before = await say.quoted(early, car.id, say.hoursAhead(20, 4));
    // Who is first changes from round to round.
    const attempts = [
      ...rivals.map(({ actor, quoteId }) => async () => ({ what: 'later', outcome: outcomeOf(await say.create(actor, quoteId)) })),
      async () => ({ what: 'before', outcome: outcomeOf(await say.create(early, before.id)) }),
    ];
    attempts.splice(round % 6, 0, async () => ({ what: 'oneWay', outcome: outcomeOf(await say.create(mover, oneWay)) }));
    const answers = await Promise.all(attempts.map((attempt) => attempt()));
    const of = (what: string) => tally(answers.filter((answer) => answer.what === what).map(({ outcome }) => outcome));
    const wins = of('oneWay').HELD === 1;
    expect([of('oneWay'), of('later'), of('before')]).toEqual(
      wins ? [{ HELD: 1 }, { PICKUP_STATION_CHANGED: 4 }, { HELD: 1 }] : [{ ONE_WAY_NOT_POSSIBLE: 1 }, { HELD: expect.any(Number) }, { HELD: 1 }],
    );
    seen.push(wins ? 'moved' : 'stayed');
  }
  expect(Object.keys(tally(seen)).sort()).toEqual(['moved', 'stayed']);
  expect(await strandedBookings()).toEqual({ stranded: [], told: [] });
});

test('BK-06b: a one-way rental is cancelled while others book the car where it was to end: each of them is refused, or told', {
  timeout: 180_000,
}, async () => {
  const [here, there] = await stations(2);
  for (let round = 0; round < 25; round += 1) {
    const car = await say.vehicle({ stationId: here?.uuid });
    const mover = say.customer();
    const { id } = (await say.quote(mover, car.id, say.hoursAhead(48), { returnStationId: there?.id })).data.quoteRental;
    const away = (await say.create(mover, id)).data.createBooking;
    const rivals = await Promise.all(
      [100, 150, 200].map(async (start) => {
        const actor = say.customer();
        return { actor, quoteId: (await say.quoted(actor, car.id, say.hoursAhead(start))).id };
      }),
    );
    const attempts = rivals.map(
      ({ actor, quoteId }) =>
        async () =>
          outcomeOf(await say.create(actor, quoteId)),
    );
    attempts.splice(round % 4, 0, async () => (await say.cancel(mover, away.id)).data.cancelBooking.status);
    const outcomes = await Promise.all(attempts.map((attempt) => attempt()));
    expect(outcomes.filter((outcome) => !['HELD', 'PICKUP_STATION_CHANGED', 'CANCELLED'].includes(outcome))).toEqual([]);
  }
  await jobsDone();
  const { stranded, told } = await strandedBookings();
  expect(told).toEqual(stranded);
  expect(await violations()).toEqual([]);
});

interface Rider {
  actor: Customer;
  live: { id: string; uuid: string }[];
}

test('PF-02b: whatever happens to one-way rentals, each car goes from booking to booking, but for those who were told', { timeout: 300_000 }, async () => {
  const places = await stations(3);
  const random = seeded(23);
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T;
  const cars = await Promise.all(Array.from({ length: 5 }, () => say.vehicle({ stationId: pick(places).uuid })));
  const riders: Rider[] = Array.from({ length: 40 }, () => ({ actor: say.customer(), live: [] }));
  const confirmed: { id: string; uuid: string }[] = [];
  const seen: string[] = [];
  const note = (what: string, { codes }: { codes: string[] }) => seen.push(`${what} ${codes[0] ?? 'done'}`);
  const wish = () => say.hoursAhead(24 + Math.floor(random() * 150), 3 + Math.floor(random() * 12));
  const goal = () => (random() < 0.5 ? { returnStationId: pick(places).id } : {});

  const book = async ({ actor, live }: Rider) => {
    const quote = await say.quote(actor, pick(cars).id, wish(), goal());
    if (quote.codes[0]) return void note('quote', quote);
    const made = await say.create(actor, quote.data.quoteRental.id);
    note('book', made);
    if (made.codes[0]) return;
    const { id } = made.data.createBooking;
    const one = { id, uuid: uuidOf('bkg', id) ?? '' };
    const fate = random();
    if (fate < 0.1) return void (await say.payment('declined', one.uuid, { code: 'CARD_DECLINED' }));
    if (fate < 0.2) {
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
    const quote = await say.quote(actor, pick(cars).id, wish(), { changesBookingId: one.id, ...goal() });
    if (quote.codes[0]) return void note('requote', quote);
    note('change', await say.change(actor, one.id, quote.data.quoteRental.id));
  };
  const swap = async () => {
    const [one, other] = [pick(confirmed), pick(confirmed)];
    if (one && other && one !== other) note('swap', await say.swap(admin, one.id, other.id));
  };
  const replace = async () => {
    const one = pick(confirmed);
    if (one) note('replace', await say.replace(admin, one.id, pick(cars).id));
  };
  const cancel = async ({ actor, live }: Rider) => {
    const one = live.pop();
    if (one) note('cancel', await say.cancel(actor, one.id));
  };
  // Staff drive a car to another station.
  const drive = async () => {
    await pick(cars).change({ stationId: pick(places).uuid });
    seen.push('drive done');
  };
  const waiting = Array.from({ length: 900 }, () => random());
  const worker = async () => {
    for (let fate = waiting.pop(); fate !== undefined; fate = waiting.pop()) {
      const rider = pick(riders);
      if (fate < 0.5) await book(rider);
      else if (fate < 0.62) await change(rider);
      else if (fate < 0.72) await swap();
      else if (fate < 0.8) await replace();
      else if (fate < 0.97) await cancel(rider);
      else await drive();
    }
  };
  await Promise.all(Array.from({ length: 24 }, worker));
  const counts = tally(seen);
  const clear = /^\w+ (done|VEHICLE_UNAVAILABLE|ONE_WAY_NOT_POSSIBLE|PICKUP_STATION_CHANGED|BOOKING_NOT_CHANGEABLE|INVALID_TRANSITION|TOO_MANY_BOOKINGS)$/;
  expect(Object.keys(counts).filter((outcome) => !clear.test(outcome))).toEqual([]);
  for (const what of ['book', 'change', 'swap', 'replace', 'cancel', 'drive']) expect([what, counts[`${what} done`] ?? 0]).not.toEqual([what, 0]);
  expect(counts['quote ONE_WAY_NOT_POSSIBLE'] ?? 0).toBeGreaterThan(0);
  expect((counts['book PICKUP_STATION_CHANGED'] ?? 0) + (counts['change PICKUP_STATION_CHANGED'] ?? 0)).toBeGreaterThan(0);
  await eventually(
    async () => (await booking.owner`select 1 from bookings where status = 'HELD' and hold_expires_at <= now()`).length === 0,
    'all ended holds to expire',
    60_000,
  );
  await jobsDone();
  const { stranded, told } = await strandedBookings();
  expect(told).toEqual(stranded);
  expect(stranded.length).toBeGreaterThan(0);
  expect(await say.claimedTwice()).toEqual([]);
  expect(await violations()).toEqual([]);
});
