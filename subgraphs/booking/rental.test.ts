import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { publicId } from '../../platform/ids.js';
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
