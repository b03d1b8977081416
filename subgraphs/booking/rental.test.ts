import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { publicId, uuidOf } from '../../platform/ids.js';
import { eventually, startTestSubgraph, type TestSubgraph, user } from '../../test/subgraphHarness.js';
import { given } from './booking.given.js';
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
const at = (moment: string, hours = 0) => booking.setClock(new Date(new Date(moment).getTime() + hours * HOUR_MS));
const now = () => booking.setClock(new Date());
const details = (answer: { errors: readonly { extensions: Record<string, unknown> }[] }) => answer.errors[0]?.extensions.details;

/** A rental that runs, of a car that may be given. */
async function running(vehicleId: string, times: { pickupAt: string; returnAt: string }) {
  const mona = say.customer();
  const made = await say.confirmed(mona, vehicleId, times);
  at(times.pickupAt);
  const { errors } = await say.start(admin, made.id);
  expect(errors).toEqual([]);
  return { ...made, mona };
}

test('BK-07: picked up and brought back on time, nothing is charged and the car is free at once', async () => {
  const car = await say.vehicle();
  const times = say.hoursAhead(48);
  const mona = say.customer();
  const made = await say.confirmed(mona, car.id, times);
  const early = await say.start(admin, made.id);
  expect(early.codes).toEqual(['PICKUP_TOO_EARLY']);
  expect(details(early)).toEqual({ pickupAt: times.pickupAt });
  expect((await say.start(mona, made.id)).codes).toEqual(['FORBIDDEN']);
  expect((await say.start(admin, publicId('bkg', randomUUID()))).codes).toEqual(['NOT_FOUND']);
  at(times.pickupAt);
  for (const bad of [{ odometerKm: -1 }, { fuelPercent: 101 }]) expect((await say.start(admin, made.id, bad)).codes).toEqual(['VALIDATION_ERROR']);
  expect((await say.bringBack(admin, made.id)).codes).toEqual(['INVALID_TRANSITION']);
  expect((await say.start(admin, made.id)).data.startRental?.status).toBe('ACTIVE');
  expect((await say.start(admin, made.id)).data.startRental?.status).toBe('ACTIVE');
  expect(await say.emittedFor('booking.started', made.uuid)).toMatchObject([{ odometerKm: 1000, fuelPercent: 90 }]);
  expect((await say.cancel(mona, made.id)).codes).toEqual(['INVALID_TRANSITION']);
  at(times.returnAt, -5);
  expect((await say.bringBack(admin, made.id, { odometerKm: 999 })).codes).toEqual(['VALIDATION_ERROR']);
  const returned = await say.bringBack(admin, made.id);
  expect(returned.data.returnRental).toMatchObject({
    status: 'COMPLETED',
    rental: { lateFee: { amount: '0.00' }, fuelFee: { amount: '0.00' }, damageFee: { amount: '0.00' }, overdueSince: null },
  });
  expect((await say.bringBack(admin, made.id)).data.returnRental?.status).toBe('COMPLETED');
  expect(await say.emittedFor('booking.returned', made.uuid)).toMatchObject([{ chargesMinor: '0', currency: 'EGP', vehicleId: car.uuid }]);
  // An early return frees the rest of the time.
  expect((await say.held(say.customer(), car.id, { pickupAt: new Date(say.now() + 60_000).toISOString(), returnAt: times.returnAt })).status).toBe('HELD');
  now();
});

test('BK-07: late, with less fuel and a dent: each is charged', async () => {
  const car = await say.vehicle();
  const times = say.hoursAhead(48);
  const made = await running(car.id, times);
  at(times.returnAt, 2.5);
  const damage = { fee: { amount: '1500.00', currency: 'EGP' }, note: 'dent in the door' };
  for (const bad of [
    { damage: { ...damage, fee: { amount: '-1.00', currency: 'EGP' } } },
    { damage: { ...damage, fee: { amount: '1.00', currency: 'USD' } } },
    { damage: { ...damage, fee: { amount: '1.001', currency: 'EGP' } } },
    { damage: { ...damage, note: ' ' } },
  ]) {
    expect((await say.bringBack(admin, made.id, bad)).codes).toEqual(['VALIDATION_ERROR']);
  }
  const returned = await say.bringBack(admin, made.id, { fuelPercent: 50, damage });
  // Three hours begun at a sixth of 1400.00 each; forty percent at 10.00.
  expect(returned.data.returnRental?.rental).toMatchObject({ lateFee: { amount: '700.00' }, fuelFee: { amount: '400.00' }, damageFee: { amount: '1500.00' } });
  expect(await say.emittedFor('booking.returned', made.uuid)).toMatchObject([{ chargesMinor: '260000', lateFeeMinor: '70000' }]);
  now();
});

test('BK-07: the deposit is quoted apart, asked for at pick-up, and what payments says of it is shown', async () => {
  const car = await say.vehicle();
  const times = say.hoursAhead(48);
  const mona = say.customer();
  const QUOTE = 'mutation($input: QuoteRentalInput!) { quoteRental(input: $input) { id total { amount } deposit { amount } lines { amount { amount } } } }';
  interface Priced {
    quoteRental: { id: string; total: { amount: string }; deposit: { amount: string }; lines: { amount: { amount: string } }[] };
  }
  const { data } = await booking.run<Priced>(mona, QUOTE, { input: { vehicleId: car.id, ...times } });
  const { lines, total, deposit } = data.quoteRental;
  expect(deposit.amount).toBe('3000.00');
  expect(lines.reduce((sum, { amount }) => sum + Number(amount.amount), 0)).toBe(Number(total.amount));
  const made = await say.create(mona, data.quoteRental.id);
  const { id } = made.data.createBooking;
  const uuid = uuidOf('bkg', id) ?? '';
  await say.payment('authorised', uuid);
  const depositOf = async () =>
    (
      await booking.run<{ booking: { deposit: object } }>(
        mona,
        'query($id: ID!) { booking(id: $id) { deposit { amount { amount } status taken { amount } } } }',
        { id },
      )
    ).data.booking.deposit;
  expect(await depositOf()).toEqual({ amount: { amount: '3000.00' }, status: null, taken: null });
  at(times.pickupAt);
  expect((await say.start(admin, id)).errors).toEqual([]);
  expect(await depositOf()).toMatchObject({ status: 'REQUESTED' });
  const [started] = await say.emittedFor('booking.started', uuid);
  expect(started).toMatchObject({
    depositMinor: '300000',
    currency: 'EGP',
    depositUntil: new Date(new Date(times.returnAt).getTime() + 30 * 24 * HOUR_MS).toISOString(),
  });
  const answers = { subjectType: 'RENTAL_DEPOSIT', amountMinor: '300000', paymentId: randomUUID() };
  await say.payment('authorised', uuid, answers);
  expect(await depositOf()).toMatchObject({ status: 'HELD' });
  await say.bringBack(admin, id, { fuelPercent: 80 });
  await booking.deliver('payments-ledger', 'payment.captured', answers.paymentId, { ...answers, subjectId: uuid, amountMinor: '10000', currency: 'EGP' });
  expect(await depositOf()).toEqual({ amount: { amount: '3000.00' }, status: 'CAPTURED', taken: { amount: '100.00' } });
  // The answer to a deposit never touches the booking itself.
  expect((await say.desk(admin, id)).status).toBe('COMPLETED');
  now();
});

test('BK-07: a deposit that is refused leaves the rental as it is, and the desk sees it', async () => {
  const times = say.hoursAhead(48);
  const made = await running((await say.vehicle({ category: 'LUXURY' })).id, times);
  await say.payment('declined', made.uuid, { subjectType: 'RENTAL_DEPOSIT', code: 'INSUFFICIENT_FUNDS' });
  const { data } = await booking.run(admin, 'query($id: ID!) { booking(id: $id) { status deposit { amount { amount } status } } }', { id: made.id });
  expect(data).toEqual({ booking: { status: 'ACTIVE', deposit: { amount: { amount: '10000.00' }, status: 'DECLINED' } } });
  now();
});

test('BK-03: a driver under 25 who did not say so pays the fee after all; one who did pays it once; a child gets no car', async () => {
  const fee = async (quoted: Record<string, unknown>, driverAge: number | null) => {
    const times = say.hoursAhead(48, 48);
    const mona = say.customer();
    const quote = await say.quote(mona, (await say.vehicle()).id, times, quoted);
    const { id } = (await say.create(mona, quote.data.quoteRental.id)).data.createBooking;
    await say.payment('authorised', uuidOf('bkg', id) ?? '');
    at(times.pickupAt);
    expect((await say.start(admin, id, { driverAge: 17 })).errors[0]?.extensions).toMatchObject({
      code: 'VALIDATION_ERROR',
      details: { field: 'input.driverAge' },
    });
    expect((await say.start(admin, id, { driverAge })).errors).toEqual([]);
    await say.bringBack(admin, id);
    const [returned] = await say.emittedFor('booking.returned', uuidOf('bkg', id) ?? '');
    now();
    return returned?.chargesMinor;
  };
  // Two days at 150.00, and 14 % tax.
  expect(await fee({}, 21)).toBe('34200');
  expect(await fee({ driverAge: 21 }, 21)).toBe('0');
  expect(await fee({}, 25)).toBe('0');
  expect(await fee({}, null)).toBe('0');
});

test('BK-07: a one-way rental tells fleet where the car is now', async () => {
  const [stationId, there] = [randomUUID(), randomUUID()];
  const car = await say.vehicle({ stationId });
  await say.vehicle({ stationId: there });
  const times = say.hoursAhead(48);
  const mona = say.customer();
  const quote = await say.quote(mona, car.id, times, { returnStationId: publicId('stn', there) });
  const { id } = (await say.create(mona, quote.data.quoteRental.id)).data.createBooking;
  const uuid = uuidOf('bkg', id) ?? '';
  await say.payment('authorised', uuid);
  at(times.pickupAt);
  await say.start(admin, id);
  await say.bringBack(admin, id);
  expect(await say.emittedFor('booking.leftElsewhere', uuid)).toEqual([{ bookingId: uuid, vehicleId: car.uuid, stationId: there }]);
  now();
});

test('BK-06b: an overdue car is nobody’s until it is back, and the next customer is told, offered a car like it, and moved', async () => {
  const stationId = randomUUID();
  const car = await say.vehicle({ stationId });
  const alike = await say.vehicle({ stationId });
  const other = await say.vehicle({ stationId, category: 'LUXURY' });
  const times = say.hoursAhead(48);
  const made = await running(car.id, times);
  now();
  const karim = say.customer();
  const next = await say.confirmed(karim, car.id, say.hoursAhead(48 + 24 + 6));
  expect((await say.replace(karim, next.id, alike.id)).codes).toEqual(['NOT_AT_RISK']);
  at(times.returnAt, 0.1);
  await eventually(async () => (await say.desk(admin, made.id)).rental?.overdueSince, 'the rental to be overdue');
  expect(await say.emittedFor('booking.overdue', made.uuid)).toMatchObject([{ vehicleId: car.uuid, blockedTo: '9999-12-31T00:00:00.000Z' }]);
  expect(await say.emittedFor('booking.atRisk', next.uuid)).toMatchObject([{ customerId: karim.id, vehicleId: car.uuid }]);
  // Between the two, and after both: the car cannot be booked, and nobody knows from when on it can.
  for (const hours of [3, 24 * 30]) {
    const refused = await say.quote(say.customer(), car.id, say.hoursAhead(hours, 1));
    expect(refused.codes).toEqual(['VEHICLE_UNAVAILABLE']);
    expect(details(refused)).toMatchObject({ nextFreeFrom: null });
  }
  const told = await say.desk(karim, next.id);
  expect(told.atRiskSince).not.toBeNull();
  expect(told.replacements.map(({ id }) => id)).toContain(alike.id);
  expect(told.replacements.map(({ id }) => id)).not.toContain(other.id);
  expect((await say.replace(say.customer(), next.id, alike.id)).codes).toEqual(['NOT_FOUND']);
  expect((await say.replace(karim, next.id, other.id)).codes).toEqual(['NOT_ALIKE']);
  expect((await say.replace(karim, next.id, publicId('veh', randomUUID()))).codes).toEqual(['NOT_FOUND']);
  const moved = await say.replace(karim, next.id, alike.id);
  expect(moved.errors).toEqual([]);
  expect(moved.data.replaceVehicle).toMatchObject({ vehicle: { id: alike.id }, atRiskSince: null, total: told.total });
  expect((await say.replace(karim, next.id, alike.id)).data).toEqual(moved.data);
  expect(await say.emittedFor('booking.changed', next.uuid)).toMatchObject([{ vehicleId: alike.uuid, deltaMinor: '0', cause: 'REPLACEMENT' }]);
  // What the moved one left is not free either, until the car is back.
  expect((await say.quote(say.customer(), car.id, say.hoursAhead(10, 2))).codes).toEqual(['VEHICLE_UNAVAILABLE']);
  at(times.returnAt, 2);
  expect((await say.bringBack(admin, made.id)).errors).toEqual([]);
  expect((await say.held(say.customer(), car.id, say.hoursAhead(10, 2))).status).toBe('HELD');
  expect(await say.claimedTwice()).toEqual([]);
  now();
});

test('BK-06b: a return in time to spare lifts the risk, and a cancelled next booking leaves no hole while the car is away', async () => {
  const car = await say.vehicle();
  const times = say.hoursAhead(48);
  const made = await running(car.id, times);
  now();
  const [karim, laila] = [say.customer(), say.customer()];
  const first = await say.confirmed(karim, car.id, say.hoursAhead(48 + 24 + 4, 4));
  const second = await say.confirmed(laila, car.id, say.hoursAhead(48 + 24 + 40, 4));
  at(times.returnAt, 0.1);
  await eventually(async () => (await say.desk(admin, first.id)).atRiskSince, 'the next booking to be at risk');
  expect((await say.desk(admin, second.id)).atRiskSince).toBeNull();
  await say.cancel(karim, first.id);
  const hole = { pickupAt: first.pickupAt, returnAt: first.returnAt };
  expect((await say.quote(say.customer(), car.id, hole)).codes).toEqual(['VEHICLE_UNAVAILABLE']);
  at(times.returnAt, 1);
  await say.bringBack(admin, made.id);
  expect((await say.quote(say.customer(), car.id, hole)).codes).toEqual([]);
  expect((await booking.owner`select 1 from vehicle_claims where vehicle_id = ${car.uuid}`).length).toBe(1);
  now();
});

test('BK-06b: a delay that is known in advance puts the next one at risk before it happens, and only if it reaches that far', async () => {
  const car = await say.vehicle();
  const times = say.hoursAhead(48);
  const made = await running(car.id, times);
  now();
  const next = await say.confirmed(say.customer(), car.id, say.hoursAhead(48 + 24 + 6));
  at(times.pickupAt, 1);
  const expectAt = (hours: number) =>
    say.mutate(admin, 'expectLateReturn', 'ExpectLateReturnInput', {
      bookingId: made.id,
      expectedAt: new Date(new Date(times.returnAt).getTime() + hours * HOUR_MS).toISOString(),
    });
  expect((await expectAt(3)).errors).toEqual([]);
  expect((await say.desk(admin, next.id)).atRiskSince).toBeNull();
  await expectAt(5);
  expect((await say.desk(admin, next.id)).atRiskSince).not.toBeNull();
  await expectAt(9);
  expect(await say.emittedFor('booking.atRisk', next.uuid)).toHaveLength(1);
  now();
  expect((await say.mutate(admin, 'expectLateReturn', 'ExpectLateReturnInput', { bookingId: next.id, expectedAt: next.returnAt })).codes).toEqual([
    'RENTAL_NOT_RUNNING',
  ]);
});

test('BK-07: the next customer cannot have a car that is still out', async () => {
  const car = await say.vehicle();
  const times = say.hoursAhead(48);
  await running(car.id, times);
  now();
  const next = await say.confirmed(say.customer(), car.id, say.hoursAhead(48 + 24 + 6));
  at(next.pickupAt);
  expect((await say.start(admin, next.id)).codes).toEqual(['VEHICLE_NOT_RETURNED']);
  now();
});

test('BK-10: whoever does not come within four hours is a no-show, pays a day, and the car is free', async () => {
  const car = await say.vehicle();
  const times = say.hoursAhead(48, 72);
  const made = await say.confirmed(say.customer(), car.id, times);
  at(times.pickupAt, 3.9);
  expect((await say.desk(admin, made.id)).status).toBe('CONFIRMED');
  at(times.pickupAt, 4.1);
  await eventually(async () => (await say.desk(admin, made.id)).status === 'NO_SHOW', 'the no-show');
  expect(await say.emittedFor('booking.noShow', made.uuid)).toMatchObject([{ feeMinor: '140000', vehicleId: car.uuid }]);
  expect((await say.held(say.customer(), car.id, say.hoursAhead(1, 20))).status).toBe('HELD');
  now();
});

test('BK-10: reminders come 24 and 2 hours before pick-up, once each, and not for what was cancelled', async () => {
  const mona = say.customer();
  const times = say.hoursAhead(48);
  const made = await say.confirmed(mona, (await say.vehicle()).id, times);
  const cancelled = await say.confirmed(mona, (await say.vehicle()).id, times);
  await say.cancel(mona, cancelled.id);
  const reminded = async (uuid: string) => (await say.emittedFor('booking.reminderDue', uuid)).map((payload) => payload.hoursBefore);
  at(times.pickupAt, -23.9);
  await eventually(async () => (await reminded(made.uuid)).length === 1);
  at(times.pickupAt, -1.9);
  await eventually(async () => (await reminded(made.uuid)).length === 2);
  expect(await reminded(made.uuid)).toEqual([24, 2]);
  expect(await reminded(cancelled.uuid)).toEqual([]);
  now();
});

test('BK-06b: a car that is too far away to be back in time puts the next one at risk, before the return is due', async () => {
  const station = { stationId: randomUUID(), stationPosition: { lat: 30.0444, lng: 31.2357 } };
  const car = await say.vehicle(station);
  const alike = await say.vehicle(station);
  const times = say.hoursAhead(48);
  const made = await running(car.id, times);
  now();
  const next = await say.confirmed(say.customer(), car.id, say.hoursAhead(48 + 24 + 3));
  const seenAt = async (place: { lat: number; lng: number }, at: Date) =>
    booking.deliver('fleet', 'vehicle.moved', car.uuid, { vehicleId: car.uuid, ...place, at: at.toISOString() });
  const risk = async () => (await say.desk(admin, next.id)).atRiskSince;
  const aswan = { lat: 24.0889, lng: 32.8998 };
  const clock = () => new Date(say.now());
  // A day ahead of the return, 680 km away is no matter; what was seen long ago says nothing.
  at(times.pickupAt, 1);
  await seenAt(aswan, clock());
  expect(await risk()).toBeNull();
  at(times.returnAt, -3);
  await seenAt(aswan, new Date(clock().getTime() - 20 * 60_000));
  expect(await risk()).toBeNull();
  // Three hours ahead, in Giza: in time. In Alexandria, 180 km away: 4 h 40, so an hour and a half late, and two hours are needed to prepare it.
  await seenAt({ lat: 29.987, lng: 31.2118 }, clock());
  expect(await risk()).toBeNull();
  await seenAt({ lat: 31.2001, lng: 29.9187 }, clock());
  expect(await risk()).not.toBeNull();
  expect((await say.desk(admin, made.id)).rental?.overdueSince).toBeNull();
  await seenAt(aswan, clock());
  expect(await say.emittedFor('booking.atRisk', next.uuid)).toHaveLength(1);
  const offered = (await say.desk(admin, next.id)).replacements.map(({ id }) => id);
  expect(offered).toContain(alike.id);
  expect((await say.replace(admin, next.id, alike.id)).data.replaceVehicle?.vehicle.id).toBe(alike.id);
  // The car that is away is not what anybody else is moved to.
  expect(await say.claimedTwice()).toEqual([]);
  now();
});
