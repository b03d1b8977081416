import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually, startTestSubgraph, type TestSubgraph, user } from '../../test/subgraphHarness.js';
import { given, type Times } from './booking.given.js';
import { startBooking } from './main.js';

let booking: TestSubgraph;
let say: ReturnType<typeof given>;
const admin = user('ADMIN');
beforeAll(async () => {
  booking = await startTestSubgraph('booking', startBooking);
  say = given(booking);
});
afterAll(() => booking[Symbol.asyncDispose]());

const HOUR_MS = 3_600_000;
const plus = (moment: string, hours: number) => new Date(new Date(moment).getTime() + hours * HOUR_MS).toISOString();
const at = (moment: string, hours = 0) => booking.setClock(new Date(plus(moment, hours)));
const now = () => booking.setClock(new Date());
/** Preparation of the category that cars have here. */
const PREPARATION_H = 2;

/** A rental that runs until `times.returnAt`; the clock is back at the present afterwards. */
async function running(vehicleId: string, times: Times) {
  const made = await say.confirmed(say.customer(), vehicleId, times);
  at(times.pickupAt);
  expect((await say.start(admin, made.id)).errors).toEqual([]);
  now();
  return made;
}

/** A booking of a customer of its own that begins so many hours after a moment. */
async function behind(vehicleId: string, moment: string, hours: number, lengthH = 4) {
  const customer = say.customer();
  const times = { pickupAt: plus(moment, hours), returnAt: plus(moment, hours + lengthH) };
  return { ...(await say.confirmed(customer, vehicleId, times)), customer, times };
}

const goOverdue = async (bookingId: string, times: Times) => {
  at(times.returnAt, 0.1);
  await eventually(async () => (await say.desk(admin, bookingId)).rental?.overdueSince, 'the rental to be overdue');
};
const isAtRisk = async (id: string) => (await say.desk(admin, id)).atRiskSince !== null;
const becomesAtRisk = (id: string) => eventually(() => isAtRisk(id), 'the booking to be at risk');
const tellings = async (uuid: string) => (await say.emittedFor('booking.atRisk', uuid)).length;
const expectBack = (bookingId: string, expectedAt: string) => say.mutate(admin, 'expectLateReturn', 'ExpectLateReturnInput', { bookingId, expectedAt });

/** What `systemHealth` says of booking. Nobody takes its events here, and the tests' leaps in time leave no time to end holds: those are no faults of its. */
async function violations(): Promise<{ kind: string; reference: string; since: string }[]> {
  const query =
    '{ _entities(representations: [{ __typename: "SystemHealth", id: "system" }]) { ... on SystemHealth { bookingViolations { kind reference since } } } }';
  const { data } = await booking.run<{ _entities: { bookingViolations: { kind: string; reference: string; since: string }[] }[] }>(admin, query);
  return (data._entities[0]?.bookingViolations ?? []).filter(({ kind }) => !['EVENT_NOT_DELIVERED', 'HOLD_NOT_EXPIRED'].includes(kind));
}

test('BK-06b: no hole opens behind an overdue car when the booking that began exactly where its preparation ended goes away', async () => {
  for (const away of ['cancelled', 'replaced'] as const) {
    const car = await say.vehicle();
    const other = await say.vehicle();
    const times = say.hoursAhead(48);
    const rental = await running(car.id, times);
    const next = await behind(car.id, times.returnAt, PREPARATION_H);
    await goOverdue(rental.id, times);
    if (away === 'cancelled') expect((await say.cancel(next.customer, next.id)).errors).toEqual([]);
    else expect((await say.replace(admin, next.id, other.id)).errors).toEqual([]);
    const hole = await say.quote(say.customer(), car.id, next.times);
    expect([away, hole.codes, hole.errors[0]?.extensions.details]).toMatchObject([away, ['VEHICLE_UNAVAILABLE'], { nextFreeFrom: null }]);
    expect(await violations()).toEqual([]);
    at(times.returnAt, 1);
    expect((await say.bringBack(admin, rental.id)).errors).toEqual([]);
    expect((await say.held(say.customer(), car.id, next.times)).status).toBe('HELD');
    now();
  }
});

test('PF-02b: a hole behind an overdue rental is reported', async () => {
  const car = await say.vehicle();
  const times = say.hoursAhead(48);
  const rental = await running(car.id, times);
  await goOverdue(rental.id, times);
  at(times.returnAt, 2);
  // The job that looks behind late rentals would close the hole that is planted here.
  const jobs = () => booking.owner`select 1 from timers where kind = 'behindLateRental' and due_at <= ${booking.environment.clock()}`;
  await eventually(async () => (await jobs()).length === 0, 'the job to have looked');
  expect(await violations()).toEqual([]);
  const [first] = await booking.owner`delete from vehicle_claims where vehicle_id = ${car.uuid} and kind = 'OVERDUE' returning *`;
  expect(await violations()).toEqual([{ kind: 'RENTED_CAR_FREE', reference: rental.uuid, since: times.returnAt }]);
  // A hole in the middle counts like one at the end.
  for (const part of [`[${plus(times.returnAt, 2)},${plus(times.returnAt, 50)})`, `[${plus(times.returnAt, 51)},9999-12-31T00:00:00Z)`]) {
    await booking.owner`insert into vehicle_claims ${booking.owner({ ...first, id: crypto.randomUUID(), during: part })}`;
  }
  expect((await violations()).map(({ reference }) => reference)).toEqual([rental.uuid]);
  await booking.owner`delete from vehicle_claims where vehicle_id = ${car.uuid} and kind = 'OVERDUE'`;
  await booking.owner`insert into vehicle_claims ${booking.owner({ ...first })}`;
  expect(await violations()).toEqual([]);
  await say.bringBack(admin, rental.id);
  now();
});

test('BK-06b: when the next one behind an overdue car leaves, the one after it is told', async () => {
  const car = await say.vehicle();
  const other = await say.vehicle();
  const times = say.hoursAhead(48);
  const rental = await running(car.id, times);
  const first = await behind(car.id, times.returnAt, 10);
  const second = await behind(car.id, times.returnAt, 30);
  const third = await behind(car.id, times.returnAt, 60);
  await goOverdue(rental.id, times);
  await becomesAtRisk(first.id);
  expect(await isAtRisk(second.id)).toBe(false);
  await say.cancel(first.customer, first.id);
  await becomesAtRisk(second.id);
  expect((await say.replace(second.customer, second.id, other.id)).errors).toEqual([]);
  await becomesAtRisk(third.id);
  expect([await tellings(second.uuid), await tellings(third.uuid)]).toEqual([1, 1]);
  expect(await isAtRisk(second.id)).toBe(false);
  await say.bringBack(admin, rental.id);
  expect(await isAtRisk(third.id)).toBe(false);
  now();
});

test('BK-06b: the longer a car is overdue, the more of those behind it are told', async () => {
  const car = await say.vehicle();
  const times = say.hoursAhead(48);
  const rental = await running(car.id, times);
  const first = await behind(car.id, times.returnAt, 10);
  const second = await behind(car.id, times.returnAt, 30);
  await goOverdue(rental.id, times);
  await becomesAtRisk(first.id);
  expect(await isAtRisk(second.id)).toBe(false);
  // Two hours to prepare it: at 28 hours and some the second is reached.
  at(times.returnAt, 28.4);
  await becomesAtRisk(second.id);
  await say.bringBack(admin, rental.id);
  now();
});

test('BK-06b: whoever is swapped onto an overdue car is at risk; whoever leaves it is not', async () => {
  const [car, fine] = [await say.vehicle(), await say.vehicle()];
  const times = say.hoursAhead(48);
  const rental = await running(car.id, times);
  const first = await behind(car.id, times.returnAt, 10);
  const safe = await behind(fine.id, times.returnAt, 10);
  await goOverdue(rental.id, times);
  await becomesAtRisk(first.id);
  expect((await say.swap(admin, first.id, safe.id)).errors).toEqual([]);
  await becomesAtRisk(safe.id);
  expect(await isAtRisk(first.id)).toBe(false);
  expect(await violations()).toEqual([]);
  await say.bringBack(admin, rental.id);
  now();
});

test('BK-06b: changing the dates of a booking that is at risk does not make it safe', async () => {
  const car = await say.vehicle();
  const times = say.hoursAhead(48);
  const rental = await running(car.id, times);
  const next = await behind(car.id, times.returnAt, 10, 8);
  await goOverdue(rental.id, times);
  await becomesAtRisk(next.id);
  const since = (await say.desk(admin, next.id)).atRiskSince;
  const shorter = { pickupAt: plus(next.times.pickupAt, 1), returnAt: plus(next.times.returnAt, -1) };
  const quote = await say.quote(next.customer, car.id, shorter, { changesBookingId: next.id });
  expect(quote.errors).toEqual([]);
  const changed = await say.change(next.customer, next.id, quote.data.quoteRental.id);
  expect(changed.errors).toEqual([]);
  expect(changed.data.changeBooking?.atRiskSince).toBe(since);
  // What it gave back on both sides is the overdue rental's.
  for (const [hours, length] of [
    [10, 1],
    [17, 1],
  ] as const) {
    const part = { pickupAt: plus(times.returnAt, hours), returnAt: plus(times.returnAt, hours + length) };
    expect((await say.quote(say.customer(), car.id, part)).codes).toEqual(['VEHICLE_UNAVAILABLE']);
  }
  expect(await violations()).toEqual([]);
  await say.bringBack(admin, rental.id);
  now();
});

test('BK-06b: a delay of days warns everybody whom it reaches, also those who book later, and is taken back by a better word', async () => {
  const car = await say.vehicle();
  const times = say.hoursAhead(48);
  const rental = await running(car.id, times);
  const first = await behind(car.id, times.returnAt, 10);
  const second = await behind(car.id, times.returnAt, 40);
  const beyond = await behind(car.id, times.returnAt, 100);
  at(times.pickupAt, 1);
  const answer = await expectBack(rental.id, plus(times.returnAt, 48));
  expect(answer.errors).toEqual([]);
  expect([await isAtRisk(first.id), await isAtRisk(second.id), await isAtRisk(beyond.id)]).toEqual([true, true, false]);
  // Who books a time that the car is not expected for is told at once: nobody but us knows of the delay.
  const later = await behind(car.id, times.returnAt, 30);
  await becomesAtRisk(later.id);
  await expectBack(rental.id, plus(times.returnAt, 20));
  expect([await isAtRisk(first.id), await isAtRisk(second.id), await isAtRisk(later.id)]).toEqual([true, false, false]);
  await expectBack(rental.id, times.returnAt);
  expect(await isAtRisk(first.id)).toBe(false);
  expect((await expectBack(rental.id, '9999-01-01T00:00:00Z')).codes).toEqual(['VALIDATION_ERROR']);
  now();
});

test('BK-10: a car that is not there, or came back late, costs its next customer nothing', async () => {
  const car = await say.vehicle();
  const times = say.hoursAhead(48);
  const rental = await running(car.id, times);
  const next = await behind(car.id, times.returnAt, 3, 24);
  await goOverdue(rental.id, times);
  await becomesAtRisk(next.id);
  // Five hours after the pick-up the car is not back: a day later still nobody has failed to come.
  at(next.times.pickupAt, 5);
  await eventually(
    async () =>
      (
        await booking.owner`select 1 from timers where kind = 'noShow' and key like ${`${next.uuid}%`}
    and due_at > ${new Date(plus(next.times.pickupAt, 5))}`
      ).length > 0,
    'the no-show to be put off',
  );
  expect((await say.desk(admin, next.id)).status).toBe('CONFIRMED');
  await say.bringBack(admin, rental.id);
  // Back: four hours to come for it, and even then it was not the customer who broke the agreement.
  at(next.times.pickupAt, 8.9);
  await eventually(
    async () =>
      (
        await booking.owner`select 1 from timers where kind = 'noShow' and key like ${`${next.uuid}%`}
    and due_at > ${new Date(plus(next.times.pickupAt, 8.9))}`
      ).length > 0,
    'the no-show to be put off',
  );
  expect((await say.desk(admin, next.id)).status).toBe('CONFIRMED');
  at(next.times.pickupAt, 9.2);
  await eventually(async () => (await say.desk(admin, next.id)).status === 'NO_SHOW', 'the no-show');
  expect(await say.emittedFor('booking.noShow', next.uuid)).toMatchObject([{ feeMinor: '0' }]);
  now();
});

test('BK-06: whoever may not get the car cancels free of charge, an hour before pick-up too', async () => {
  const car = await say.vehicle();
  const times = say.hoursAhead(48);
  const rental = await running(car.id, times);
  const next = await behind(car.id, times.returnAt, 3, 24);
  await goOverdue(rental.id, times);
  await becomesAtRisk(next.id);
  at(next.times.pickupAt, -1);
  expect((await say.cancel(next.customer, next.id)).data.cancelBooking.fee?.amount).toBe('0.00');
  await say.bringBack(admin, rental.id);
  now();
});
