import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ANONYMOUS, systemActor } from '../../platform/actor.js';
import { newUuid, publicId } from '../../platform/ids.js';
import { eventually, startTestSubgraph, type TestSubgraph, user } from '../../test/subgraphHarness.js';
import { given } from './booking.given.js';
import { BOOKING_STATUSES, TRANSITIONS } from './bookingStatus.js';
import { startBooking } from './main.js';

let booking: TestSubgraph;
let say: ReturnType<typeof given>;
const admin = user('ADMIN');
beforeAll(async () => {
  booking = await startTestSubgraph('booking', startBooking);
  say = given(booking);
});
afterAll(() => booking[Symbol.asyncDispose]());

const MINUTE_MS = 60_000;
/** Lets time pass for one test. */
async function later<T>(ms: number, work: () => Promise<T>): Promise<T> {
  const before = say.now();
  booking.setClock(new Date(before + ms));
  try {
    return await work();
  } finally {
    booking.setClock(new Date());
  }
}

test('BK-03: a quote says what the rental costs, line by line, and stands for ten minutes', async () => {
  const car = await say.vehicle();
  const { data, errors } = await say.quote(say.customer(), car.id, say.hoursAhead(48, 72), { extras: ['GPS'] });
  expect(errors).toEqual([]);
  expect(data.quoteRental).toMatchObject({ days: 3, vehicle: { id: car.id }, total: { amount: '4924.80', currency: 'EGP' } });
  expect(data.quoteRental.id).toMatch(/^qte_/);
  expect(data.quoteRental.lines.map(({ kind, amount }) => `${kind} ${amount.amount}`)).toEqual(['RENTAL 4200.00', 'EXTRA 120.00', 'TAX 604.80']);
  expect(Math.round((new Date(data.quoteRental.expiresAt).getTime() - say.now()) / MINUTE_MS)).toBe(10);
});

test('BK-03: what cannot be quoted is refused with its reason', async () => {
  const car = await say.vehicle();
  const mona = say.customer();
  const fine = say.hoursAhead(48);
  const code = async (vehicleId: string, times = fine, more = {}, actor: Parameters<typeof say.quote>[0] = mona) =>
    (await say.quote(actor, vehicleId, times, more)).codes[0];
  expect(await code(publicId('veh', randomUUID()))).toBe('NOT_FOUND');
  expect(await code('veh_nonsense')).toBe('NOT_FOUND');
  expect(await code(publicId('bkg', car.uuid))).toBe('NOT_FOUND');
  for (const facts of [{ use: 'RIDE' }, { status: 'MAINTENANCE' }, { status: 'RETIRED' }])
    expect(await code((await say.vehicle(facts)).id)).toBe('VEHICLE_NOT_RENTABLE');
  expect(await code(car.id, { pickupAt: fine.returnAt, returnAt: fine.pickupAt })).toBe('VALIDATION_ERROR');
  expect(await code(car.id, say.hoursAhead(-2))).toBe('VALIDATION_ERROR');
  expect(await code(car.id, say.hoursAhead(48, 0.5))).toBe('VALIDATION_ERROR');
  expect(await code(car.id, say.hoursAhead(48, 90 * 24 + 1))).toBe('VALIDATION_ERROR');
  expect(await code(car.id, fine, { extras: ['GPS', 'GPS'] })).toBe('VALIDATION_ERROR');
  expect(await code(car.id, fine, { extras: ['SAUNA'] })).toBe('BAD_USER_INPUT');
  expect(await code(car.id, { pickupAt: '2027-03-01 10:00', returnAt: fine.returnAt })).toBe('BAD_USER_INPUT');
  expect(await code(car.id, fine, {}, ANONYMOUS)).toBe('UNAUTHENTICATED');
  expect(await code(car.id, fine, {}, systemActor('test'))).toBe('FORBIDDEN');
});

test('BK-03: a car that fleet has only just made is waited for', async () => {
  const uuid = newUuid(new Date(say.now()));
  const asked = say.quote(say.customer(), publicId('veh', uuid), say.hoursAhead(48));
  await booking.deliver('fleet', 'vehicle.created', uuid, {
    vehicleId: uuid,
    use: 'RENTAL',
    status: 'ACTIVE',
    category: 'SUV',
    dailyRateMinor: '1000',
    currency: 'EGP',
    stationId: null,
    timeZone: 'Africa/Cairo',
    title: 'New',
  });
  expect((await asked).errors).toEqual([]);
});

test('BK-04: booked is HELD at the quoted price, authorised is CONFIRMED, and each says so to the others', async () => {
  const mona = say.customer();
  const car = await say.vehicle();
  const times = say.hoursAhead(48);
  const quote = await say.quoted(mona, car.id, times);
  await car.change({ dailyRateMinor: '999900' });
  const { data, errors } = await say.create(mona, quote.id, { paymentMethod: 'CARD', paymentToken: 'tok_ok' });
  expect(errors).toEqual([]);
  expect(data.createBooking).toMatchObject({
    status: 'HELD',
    ...times,
    total: quote.total,
    vehicle: { id: car.id },
    customer: { id: publicId('usr', mona.id) },
    failure: null,
    fee: null,
  });
  expect(Math.round((new Date(data.createBooking.holdExpiresAt ?? 0).getTime() - say.now()) / MINUTE_MS)).toBe(15);
  const held = (await booking.emitted<Record<string, string>>('booking.held')).at(-1);
  expect(held).toMatchObject({
    customerId: mona.id,
    vehicleId: car.uuid,
    ...times,
    blockedFrom: times.pickupAt,
    totalMinor: '159600',
    currency: 'EGP',
    paymentMethod: 'CARD',
    paymentToken: 'tok_ok',
  });
  expect(new Date(held?.blockedTo ?? 0).getTime() - new Date(times.returnAt).getTime()).toBe(120 * MINUTE_MS);

  await say.payment('authorised', String(held?.bookingId));
  expect(await say.look(mona, data.createBooking.id)).toMatchObject({ status: 'CONFIRMED', holdExpiresAt: null });
  expect(await say.emittedFor('booking.confirmed', String(held?.bookingId))).toEqual([
    {
      bookingId: held?.bookingId,
      customerId: mona.id,
      vehicleId: car.uuid,
      vehicleTitle: 'Toyota Corolla 2024',
      ...times,
      totalMinor: '159600',
      currency: 'EGP',
    },
  ]);
});

test('BK-04: a declined payment cancels with its reason, and frees the car at once', async () => {
  const [mona, karim] = [say.customer(), say.customer()];
  const car = await say.vehicle();
  const times = say.hoursAhead(48);
  const made = await say.held(mona, car.id, times);
  expect((await say.quote(karim, car.id, times)).codes).toEqual(['VEHICLE_UNAVAILABLE']);
  await say.payment('declined', made.uuid, { code: 'INSUFFICIENT_FUNDS' });
  expect(await say.look(mona, made.id)).toMatchObject({ status: 'CANCELLED', failure: { code: 'INSUFFICIENT_FUNDS' }, fee: { amount: '0.00' } });
  expect(await say.emittedFor('booking.cancelled', made.uuid)).toMatchObject([
    { by: 'SYSTEM', cause: 'PAYMENT_FAILED', failureCode: 'INSUFFICIENT_FUNDS', feeMinor: '0' },
  ]);
  expect((await say.held(karim, car.id, times)).status).toBe('HELD');
});

test('BK-04: a hold ends after 15 minutes, and an authorisation that comes later is released', async () => {
  const mona = say.customer();
  const car = await say.vehicle();
  const times = say.hoursAhead(48);
  const made = await say.held(mona, car.id, times);
  await later(16 * MINUTE_MS, () => eventually(async () => (await say.look(mona, made.id))?.status === 'EXPIRED', 'the hold to expire'));
  expect(await say.emittedFor('booking.expired', made.uuid)).toEqual([{ bookingId: made.uuid, customerId: mona.id, vehicleId: car.uuid }]);
  await say.payment('authorised', made.uuid);
  expect((await say.look(mona, made.id))?.status).toBe('EXPIRED');
  expect(await say.emittedFor('booking.released', made.uuid)).toEqual([{ bookingId: made.uuid }]);
  expect(await say.emittedFor('booking.confirmed', made.uuid)).toEqual([]);
  expect((await say.held(say.customer(), car.id, times)).status).toBe('HELD');
});

test('BK-04: an authorisation of a booking that nobody knows, or that was cancelled meanwhile, is released', async () => {
  const unknown = randomUUID();
  await say.payment('authorised', unknown);
  expect(await say.emittedFor('booking.released', unknown)).toHaveLength(1);
  const mona = say.customer();
  const made = await say.held(mona, (await say.vehicle()).id, say.hoursAhead(48));
  await say.cancel(mona, made.id);
  await say.payment('authorised', made.uuid);
  expect(await say.emittedFor('booking.released', made.uuid)).toHaveLength(1);
});

test('BK-04: an authorisation of too little does not confirm', async () => {
  const mona = say.customer();
  const made = await say.held(mona, (await say.vehicle()).id, say.hoursAhead(48));
  await say.payment('authorised', made.uuid, { amountMinor: '1' });
  expect(await say.look(mona, made.id)).toMatchObject({ status: 'CANCELLED', failure: { code: 'UNDERFUNDED' } });
  expect(await say.emittedFor('booking.released', made.uuid)).toHaveLength(1);
});

test('BK-04: a capture that fails for good cancels; payments of other things change nothing', async () => {
  const mona = say.customer();
  const made = await say.held(mona, (await say.vehicle()).id, say.hoursAhead(48));
  await say.payment('declined', made.uuid, { subjectType: 'TRIP', code: 'CARD_DECLINED' });
  await say.payment('authorised', made.uuid, { subjectType: 'TRIP' });
  expect((await say.look(mona, made.id))?.status).toBe('HELD');
  await say.payment('authorised', made.uuid);
  // What it came to cost more is owed; the booking itself is paid, and goes on.
  await say.payment('failed', made.uuid, { code: 'CARD_DECLINED', part: 'EXTRA' });
  expect(await say.look(mona, made.id)).toMatchObject({ status: 'CONFIRMED', failure: null });
  await say.payment('failed', made.uuid, { code: 'CARD_DECLINED' });
  expect(await say.look(mona, made.id)).toMatchObject({ status: 'CANCELLED', failure: { code: 'CARD_DECLINED' } });
});

test('BK-04: events that come twice change nothing', async () => {
  const mona = say.customer();
  const made = await say.held(mona, (await say.vehicle()).id, say.hoursAhead(48));
  const paymentId = await say.payment('authorised', made.uuid);
  await say.payment('authorised', made.uuid, { paymentId });
  expect(await say.emittedFor('booking.confirmed', made.uuid)).toHaveLength(1);
  const other = await say.held(mona, (await say.vehicle()).id, say.hoursAhead(48));
  await say.payment('declined', other.uuid, { code: 'CARD_DECLINED' });
  await say.payment('declined', other.uuid, { code: 'CARD_DECLINED' });
  await say.payment('authorised', made.uuid);
  expect(await say.emittedFor('booking.cancelled', other.uuid)).toHaveLength(1);
  expect(await say.emittedFor('booking.released', made.uuid)).toEqual([]);
  const log = await booking.owner`select sequence, from_status, to_status, actor from booking_transitions where booking_id = ${made.uuid} order by sequence`;
  expect(log.map((row) => `${row.sequence} ${row.from_status} ${row.to_status} ${row.actor}`)).toEqual([
    `1 null HELD user:${mona.id}`,
    '2 HELD CONFIRMED system:payment.authorised',
  ]);
});

test('BK-03: a quote is good once, for ten minutes, for the one who asked', async () => {
  const mona = say.customer();
  const times = say.hoursAhead(48);
  const quote = await say.quoted(mona, (await say.vehicle()).id, times);
  expect((await say.create(say.customer(), quote.id)).codes).toEqual(['NOT_FOUND']);
  expect((await say.create(mona, 'qte_nonsense')).codes).toEqual(['NOT_FOUND']);
  expect((await later(10 * MINUTE_MS, () => say.create(mona, quote.id))).codes).toEqual(['QUOTE_EXPIRED']);
  const made = await say.create(mona, quote.id);
  expect(made.data.createBooking.status).toBe('HELD');
  const again = await say.create(mona, quote.id);
  expect(again.codes).toEqual(['QUOTE_USED']);
  expect(again.errors[0]?.extensions.details).toMatchObject({ bookingId: made.data.createBooking.id });
});

test('BK-05: between quote and booking the car may be retired, and the pick-up may pass', async () => {
  const mona = say.customer();
  const car = await say.vehicle();
  const soon = { pickupAt: new Date(say.now() + 5 * MINUTE_MS).toISOString(), returnAt: new Date(say.now() + 125 * MINUTE_MS).toISOString() };
  const quote = await say.quoted(mona, car.id, soon);
  expect((await later(6 * MINUTE_MS, () => say.create(mona, quote.id))).codes).toEqual(['PICKUP_PASSED']);
  await car.change({ status: 'RETIRED' });
  expect((await say.create(mona, quote.id)).codes).toEqual(['VEHICLE_NOT_RENTABLE']);
});

test('BK-04: bad input to createBooking is refused', async () => {
  const mona = say.customer();
  const { id } = await say.quoted(mona, (await say.vehicle()).id, say.hoursAhead(48));
  expect((await say.create(ANONYMOUS, id)).codes).toEqual(['UNAUTHENTICATED']);
  expect((await say.create(mona, id, { idempotencyKey: undefined })).codes).toEqual(['IDEMPOTENCY_KEY_REQUIRED']);
  expect((await say.create(mona, id, { idempotencyKey: 'k'.repeat(201) })).codes).toEqual(['VALIDATION_ERROR']);
  expect((await say.create(mona, id, { paymentToken: 't'.repeat(256) })).codes).toEqual(['VALIDATION_ERROR']);
  expect((await say.create(mona, id, { paymentMethod: 'CASH' })).codes).toEqual(['BAD_USER_INPUT']);
  const first = await say.create(mona, id, { idempotencyKey: 'once' });
  expect((await say.create(mona, id, { idempotencyKey: 'once' })).data).toEqual(first.data);
  expect((await say.create(mona, id, { idempotencyKey: 'once', paymentMethod: 'CARD' })).codes).toEqual(['IDEMPOTENCY_KEY_REUSED']);
});

test('BK-06: cancelling is free until 24 h before pick-up, then costs one day; the reason is kept and the car is free', async () => {
  const mona = say.customer();
  const car = await say.vehicle();
  const early = await say.confirmed(mona, car.id, say.hoursAhead(48, 72));
  const answer = await say.cancel(mona, early.id, '  plans changed ');
  expect(answer.data.cancelBooking).toMatchObject({ status: 'CANCELLED', cancelReason: 'plans changed', fee: { amount: '0.00' }, failure: null });
  const late = await say.confirmed(mona, car.id, say.hoursAhead(12, 72));
  expect((await say.cancel(mona, late.id)).data.cancelBooking).toMatchObject({ status: 'CANCELLED', cancelReason: null, fee: { amount: '1400.00' } });
  expect(await say.emittedFor('booking.cancelled', late.uuid)).toEqual([
    {
      bookingId: late.uuid,
      customerId: mona.id,
      vehicleId: car.uuid,
      by: 'CUSTOMER',
      cause: 'REQUESTED',
      failureCode: null,
      feeMinor: '140000',
      currency: 'EGP',
    },
  ]);
  const byAdmin = await say.confirmed(mona, car.id, say.hoursAhead(12, 72));
  expect((await say.cancel(admin, byAdmin.id)).data.cancelBooking).toMatchObject({ status: 'CANCELLED', fee: { amount: '0.00' } });
  expect(await say.emittedFor('booking.cancelled', byAdmin.uuid)).toMatchObject([{ by: 'ADMIN' }]);
});

test('BK-06: the one who cancelled may repeat it; nobody cancels what has ended otherwise, or is not theirs', async () => {
  const mona = say.customer();
  const made = await say.held(mona, (await say.vehicle()).id, say.hoursAhead(48));
  expect((await say.cancel(say.customer(), made.id)).codes).toEqual(['NOT_FOUND']);
  expect((await say.cancel(mona, publicId('bkg', randomUUID()))).codes).toEqual(['NOT_FOUND']);
  expect((await say.cancel(mona, 'nonsense')).codes).toEqual(['NOT_FOUND']);
  expect((await say.cancel(ANONYMOUS, made.id)).codes).toEqual(['UNAUTHENTICATED']);
  expect((await say.cancel(mona, made.id, 'r'.repeat(501))).codes).toEqual(['VALIDATION_ERROR']);
  const first = await say.cancel(mona, made.id, 'first');
  expect((await say.cancel(mona, made.id, 'second')).data).toEqual(first.data);
  const refused = await say.cancel(admin, made.id);
  expect(refused.codes).toEqual(['INVALID_TRANSITION']);
  expect(refused.errors[0]?.extensions.details).toMatchObject({ status: 'CANCELLED' });
  expect(await say.emittedFor('booking.cancelled', made.uuid)).toHaveLength(1);
});

test('BK-01: a rental may begin when preparation after the one before is done, and not earlier', async () => {
  const car = await say.vehicle();
  const first = await say.held(say.customer(), car.id, say.hoursAhead(100, 24));
  const early = await say.quote(say.customer(), car.id, say.hoursAhead(125, 24));
  expect(early.codes).toEqual(['VEHICLE_UNAVAILABLE']);
  expect(early.errors[0]?.extensions.details).toMatchObject({ nextFreeFrom: say.hoursAhead(126).pickupAt });
  expect((await say.quote(say.customer(), car.id, say.hoursAhead(77, 22))).codes).toEqual(['VEHICLE_UNAVAILABLE']);
  const [after, before] = [await say.held(say.customer(), car.id, say.hoursAhead(126, 24)), await say.held(say.customer(), car.id, say.hoursAhead(76, 22))];
  expect([first.status, after.status, before.status]).toEqual(['HELD', 'HELD', 'HELD']);
});

test('BK-02: the database allows exactly the transitions that the code knows', async () => {
  for (const from of BOOKING_STATUSES) {
    for (const to of BOOKING_STATUSES) {
      const [row] = await booking.owner`select booking_may_become(${from}, ${to}) as allowed`;
      expect(`${from} ${to} ${row?.allowed}`).toBe(`${from} ${to} ${TRANSITIONS[from].includes(to)}`);
    }
  }
  const made = await say.held(say.customer(), (await say.vehicle()).id, say.hoursAhead(48));
  await expect(booking.owner`update bookings set status = 'COMPLETED' where id = ${made.uuid}`).rejects.toThrow('HELD cannot become COMPLETED');
  await expect(booking.owner`insert into bookings
    select (jsonb_populate_record(b, jsonb_build_object('id', gen_random_uuid(), 'quote_id', gen_random_uuid(), 'status', 'ACTIVE'))).*
    from bookings b where id = ${made.uuid}`).rejects.toThrow('begins as HELD');
});
