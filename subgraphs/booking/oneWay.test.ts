import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { publicId, uuidOf } from '../../platform/ids.js';
import { eventually, startTestSubgraph, type TestSubgraph, user } from '../../test/subgraphHarness.js';
import { type Customer, given, type Times } from './booking.given.js';
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

/** A station, known by a car of its own that nobody books. */
async function station(more: Record<string, unknown> = {}): Promise<{ uuid: string; id: string }> {
  const uuid = randomUUID();
  await say.vehicle({ stationId: uuid, category: 'VAN', ...more });
  return { uuid, id: publicId('stn', uuid) };
}

interface Booked {
  id: string;
  uuid: string;
  customer: Customer;
  times: Times;
}

/** Books and pays; throws what the graph refused with. */
async function booked(vehicleId: string, times: Times, returnStationId?: string, customer = say.customer()): Promise<Booked> {
  const made = await held(vehicleId, times, returnStationId, customer);
  await say.payment('authorised', made.uuid);
  return made;
}

async function held(vehicleId: string, times: Times, returnStationId?: string, customer = say.customer()): Promise<Booked> {
  const quote = await say.quote(customer, vehicleId, times, { returnStationId });
  if (quote.codes.length > 0) throw new Error(`the quote was refused: ${JSON.stringify(quote.errors)}`);
  const made = await say.create(customer, quote.data.quoteRental.id);
  if (made.codes.length > 0) throw new Error(`the booking was refused: ${JSON.stringify(made.errors)}`);
  const { id } = made.data.createBooking;
  return { id, uuid: uuidOf('bkg', id) ?? '', customer, times };
}

const [FIRST, SECOND, THIRD] = [48, 100, 150];
const pickupOf = async (id: string) => (await say.desk(admin, id)).station?.id;
const riskOf = async (id: string) => (await say.desk(admin, id)).atRiskReason;
const becomes = (id: string, risk: string | null) => eventually(async () => ((await riskOf(id)) === risk ? true : null), `the risk to be ${risk}`);
const tellings = async (uuid: string) => (await say.emittedFor('booking.atRisk', uuid)).map(({ reason }) => reason);
const refusal = ({ errors }: { errors: readonly { extensions: Record<string, unknown> }[] }) => errors[0]?.extensions;

/** What `systemHealth` says of booking, but for what leaps in time and a lonely subgraph bring about. */
async function violations(): Promise<{ kind: string; reference: string }[]> {
  const query =
    '{ _entities(representations: [{ __typename: "SystemHealth", id: "system" }]) { ... on SystemHealth { bookingViolations { kind reference } } } }';
  const { data } = await booking.run<{ _entities: { bookingViolations: { kind: string; reference: string }[] }[] }>(admin, query);
  return (data._entities[0]?.bookingViolations ?? []).filter(({ kind }) => !['EVENT_NOT_DELIVERED', 'HOLD_NOT_EXPIRED'].includes(kind));
}

test('BK-03: a quote says where the car will be, which is where the rental before it brings it', async () => {
  const [here, there] = [await station(), await station()];
  const car = await say.vehicle({ stationId: here.uuid });
  const mona = say.customer();
  const quote = async (start: number, more: Record<string, unknown> = {}) => (await say.quote(mona, car.id, say.hoursAhead(start), more)).data.quoteRental;
  expect(await quote(SECOND)).toMatchObject({ pickupStation: { id: here.id }, returnStation: { id: here.id } });
  const first = await booked(car.id, say.hoursAhead(FIRST), there.id);
  expect(await say.desk(admin, first.id)).toMatchObject({ station: { id: here.id }, returnStation: { id: there.id } });
  // Before it the car is still here, after it there, whoever asks.
  expect(await quote(FIRST - 30)).toMatchObject({ pickupStation: { id: here.id } });
  const after = await quote(SECOND);
  expect(after).toMatchObject({ pickupStation: { id: there.id }, returnStation: { id: there.id } });
  expect(after.lines.map(({ kind }) => kind)).not.toContain('FEE');
  // Where it ends is no other place; where the car is now has become one.
  expect((await quote(SECOND, { returnStationId: there.id })).lines.map(({ kind }) => kind)).not.toContain('FEE');
  expect((await quote(SECOND, { returnStationId: here.id })).lines.map(({ kind }) => kind)).toContain('FEE');

  const second = await booked(car.id, say.hoursAhead(SECOND), here.id);
  const third = await booked(car.id, say.hoursAhead(THIRD));
  expect([await pickupOf(second.id), await pickupOf(third.id)]).toEqual([there.id, here.id]);
  expect(await violations()).toEqual([]);
});

test('BK-05: days are counted by the clock of the station where the car will be', async () => {
  const [cairo, lisbon] = [await station(), await station({ timeZone: 'Europe/Lisbon' })];
  const car = await say.vehicle({ stationId: cairo.uuid });
  const night = { pickupAt: '2027-03-27T10:00:00Z', returnAt: '2027-03-28T10:00:00Z' };
  const days = async () => (await say.quote(say.customer(), car.id, night)).data.quoteRental.days;
  expect(await days()).toBe(1);
  await booked(car.id, say.hoursAhead(FIRST), lisbon.id);
  // Lisbon's clock goes forward that night: 24 hours are 25 by its wall clock.
  expect(await days()).toBe(2);
});

test('BK-04: when the car will be at another station than was quoted, the booking is refused and a new quote says where', async () => {
  const [here, there] = [await station(), await station()];
  const car = await say.vehicle({ stationId: here.uuid });
  const mona = say.customer();
  const before = await say.quoted(mona, car.id, say.hoursAhead(SECOND));
  const first = await booked(car.id, say.hoursAhead(FIRST), there.id);
  const refused = await say.create(mona, before.id);
  expect(refusal(refused)).toMatchObject({ code: 'PICKUP_STATION_CHANGED', details: { field: 'input.quoteId', pickupStationId: there.id } });
  expect((await booking.owner`select 1 from vehicle_claims where vehicle_id = ${car.uuid}`).length).toBe(1);
  const again = await say.quoted(mona, car.id, say.hoursAhead(SECOND));
  await say.cancel(first.customer, first.id);
  expect(refusal(await say.create(mona, again.id))).toMatchObject({ code: 'PICKUP_STATION_CHANGED', details: { pickupStationId: here.id } });
  const last = await say.quoted(mona, car.id, say.hoursAhead(SECOND));
  const made = await say.create(mona, last.id);
  expect(made.errors).toEqual([]);
  expect(await pickupOf(made.data.createBooking.id)).toBe(here.id);
});

test('BK-04: whoever is too late for the car is told that, and not where it would have been', async () => {
  const [here, there] = [await station(), await station()];
  const car = await say.vehicle({ stationId: here.uuid });
  const mona = say.customer();
  const quote = await say.quoted(mona, car.id, say.hoursAhead(FIRST + 2));
  await booked(car.id, say.hoursAhead(FIRST), there.id);
  expect(refusal(await say.create(mona, quote.id))).toMatchObject({ code: 'VEHICLE_UNAVAILABLE', details: { nextFreeFrom: expect.any(String) } });
});

test('BK-03: a one-way rental that would take the car from the customer after it is refused, in the quote and in the booking', async () => {
  const [here, there, third] = [await station(), await station(), await station()];
  const car = await say.vehicle({ stationId: here.uuid });
  const mona = say.customer();
  const early = await say.quote(mona, car.id, say.hoursAhead(FIRST), { returnStationId: there.id });
  expect(early.errors).toEqual([]);
  const waiting = await booked(car.id, say.hoursAhead(SECOND));
  const details = { nextPickupAt: waiting.times.pickupAt, requiredReturnStationId: here.id };
  const quoted = await say.quote(mona, car.id, say.hoursAhead(FIRST), { returnStationId: there.id });
  expect(refusal(quoted)).toMatchObject({ code: 'ONE_WAY_NOT_POSSIBLE', details: { field: 'input.returnStationId', ...details } });
  const made = await say.create(mona, early.data.quoteRental.id);
  expect(refusal(made)).toMatchObject({ code: 'ONE_WAY_NOT_POSSIBLE', details: { field: 'input.quoteId', ...details } });
  expect((await booking.owner`select 1 from bookings where vehicle_id = ${car.uuid}`).length).toBe(1);
  // Behind the last one it may go anywhere, and before it there and back.
  await booked(car.id, say.hoursAhead(THIRD), there.id);
  await booked(car.id, say.hoursAhead(FIRST), here.id);
  // Between, only to where the next one waits for it.
  await say.cancel(waiting.customer, waiting.id);
  const last = await booked(car.id, say.hoursAhead(THIRD + 48), third.id);
  expect(await pickupOf(last.id)).toBe(there.id);
  expect(await violations()).toEqual([]);
});

/** A car that a one-way rental takes from here to there, somebody who waits for it there, and a car like it in either place. */
async function strandable() {
  const [here, there] = [await station(), await station()];
  const category = `C-${randomUUID().slice(0, 8)}`;
  const car = await say.vehicle({ stationId: here.uuid, category });
  const alike = {
    here: await say.vehicle({ stationId: here.uuid, category, dailyRateMinor: '100' }),
    there: await say.vehicle({ stationId: there.uuid, category }),
  };
  const away = await held(car.id, say.hoursAhead(FIRST), there.id);
  const waiting = await booked(car.id, say.hoursAhead(SECOND));
  expect(await pickupOf(waiting.id)).toBe(there.id);
  return { here, there, car, alike, away, waiting };
}

test('BK-06b: when a one-way rental is cancelled, whoever was to have the car where it would have ended is told and moves to a car there', async () => {
  const { here, there, car, alike, away, waiting } = await strandable();
  expect(await riskOf(waiting.id)).toBeNull();
  await say.cancel(away.customer, away.id);
  await becomes(waiting.id, 'ELSEWHERE');
  const told = await say.desk(waiting.customer, waiting.id);
  expect(told.atRiskSince).not.toBeNull();
  expect(await tellings(waiting.uuid)).toEqual(['ELSEWHERE']);
  // The dearer one at the right station comes before the cheaper one at the wrong one.
  expect(told.replacements.map(({ id }) => id)).toEqual([alike.there.id, alike.here.id]);
  const moved = await say.replace(waiting.customer, waiting.id, alike.there.id);
  expect(moved.errors).toEqual([]);
  expect(moved.data.replaceVehicle).toMatchObject({ station: { id: there.id }, returnStation: { id: there.id }, atRiskSince: null, total: told.total });
  // The car that stayed is had where it is.
  expect((await say.quoted(say.customer(), car.id, say.hoursAhead(SECOND))).pickupStation).toEqual({ id: here.id });
  expect(await violations()).toEqual([]);
});

test('BK-06: whoever is told that the car will be elsewhere cancels free of charge', async () => {
  const { away, waiting } = await strandable();
  await say.cancel(away.customer, away.id);
  await becomes(waiting.id, 'ELSEWHERE');
  at(waiting.times.pickupAt, -1);
  expect((await say.cancel(waiting.customer, waiting.id)).data.cancelBooking.fee?.amount).toBe('0.00');
  now();
});

test.each([
  ['is not paid', async ({ away }) => void (await say.payment('declined', away.uuid, { code: 'CARD_DECLINED' }))],
  [
    'expires',
    async ({ away }) => {
      await booking.owner`update bookings set hold_expires_at = now() where id = ${away.uuid}`;
      await booking.owner`update timers set due_at = now() where key = ${away.uuid} and kind = 'holdExpiry'`;
    },
  ],
  [
    'is a no-show',
    async ({ away }) => {
      await say.payment('authorised', away.uuid);
      at(away.times.pickupAt, 4.1);
      await eventually(async () => (await say.desk(admin, away.id)).status === 'NO_SHOW', 'the no-show');
    },
  ],
  [
    'is moved to another car',
    async ({ away, alike }) => {
      await say.payment('authorised', away.uuid);
      expect((await say.replace(admin, away.id, alike.here.id)).errors).toEqual([]);
      expect(await say.desk(admin, away.id)).toMatchObject({ vehicle: { id: alike.here.id }, atRiskReason: null });
    },
  ],
  [
    'comes back to where it began, by a change',
    async ({ away, car }) => {
      await say.payment('authorised', away.uuid);
      const quote = await say.quote(away.customer, car.id, away.times, { changesBookingId: away.id });
      expect((await say.change(away.customer, away.id, quote.data.quoteRental.id)).errors).toEqual([]);
    },
  ],
  [
    'is put off until after the one that relied on it',
    async ({ away, car, there }) => {
      await say.payment('authorised', away.uuid);
      const quote = await say.quote(away.customer, car.id, say.hoursAhead(THIRD), { changesBookingId: away.id, returnStationId: there.id });
      expect((await say.change(away.customer, away.id, quote.data.quoteRental.id)).errors).toEqual([]);
    },
  ],
] as [string, (world: Awaited<ReturnType<typeof strandable>>) => Promise<void>][])(
  'BK-06b: when a one-way rental %s, whoever relied on it is told once',
  async (_, happens) => {
    const world = await strandable();
    await happens(world);
    await becomes(world.waiting.id, 'ELSEWHERE');
    expect(await tellings(world.waiting.uuid)).toEqual(['ELSEWHERE']);
    expect(await violations()).toEqual([]);
    now();
  },
);

test('BK-06b: one who is told may get the car after all, and is told that; who waits behind is told only when that one leaves', async () => {
  const { here, there, car, away, waiting } = await strandable();
  const behind = await booked(car.id, say.hoursAhead(THIRD));
  await say.cancel(away.customer, away.id);
  await becomes(waiting.id, 'ELSEWHERE');
  expect(await riskOf(behind.id)).toBeNull();
  // Another customer takes the car there, and only there: somebody waits for it.
  expect((await say.quote(say.customer(), car.id, say.hoursAhead(FIRST), { returnStationId: (await station()).id })).codes).toEqual(['ONE_WAY_NOT_POSSIBLE']);
  const instead = await booked(car.id, say.hoursAhead(FIRST), there.id);
  await becomes(waiting.id, null);
  await say.cancel(instead.customer, instead.id);
  await becomes(waiting.id, 'ELSEWHERE');
  await say.cancel(waiting.customer, waiting.id);
  await becomes(behind.id, 'ELSEWHERE');
  // Staff drive the car there.
  await car.change({ stationId: there.uuid });
  await becomes(behind.id, null);
  await car.change({ stationId: here.uuid });
  await becomes(behind.id, 'ELSEWHERE');
  expect(await tellings(behind.uuid)).toEqual(['ELSEWHERE', 'ELSEWHERE']);
  expect(await violations()).toEqual([]);
});

test('EV-01: old news of where a car stood, told again, frighten nobody', async () => {
  const [here, there] = [await station(), await station()];
  const car = await say.vehicle({ stationId: here.uuid });
  await car.change({ stationId: there.uuid });
  const waiting = await booked(car.id, say.hoursAhead(SECOND));
  const facts = (stationId: string) => ({
    ...{ vehicleId: car.uuid, use: 'RENTAL', status: 'ACTIVE', category: 'COMFORT', dailyRateMinor: '140000', currency: 'EGP' },
    ...{ stationId, timeZone: 'Africa/Cairo', title: 'Toyota Corolla 2024' },
  });
  const again = (stationId: string, occurredAt: string) =>
    booking.subgraph.replay({
      ...{ id: randomUUID(), emitter: 'fleet', consumer: 'booking', type: 'vehicle.updated', version: 1, aggregateType: 'vehicle', aggregateId: car.uuid },
      ...{ sequence: 1, previousSequence: 0, payload: facts(stationId), metadata: { traceId: '0', causationId: '0', actor: 'test' }, occurredAt },
    });
  const yesterday = new Date(say.now() - 24 * HOUR_MS).toISOString();
  await again(here.uuid, yesterday);
  const jobs = await booking.owner`select due_at from timers where kind = 'behindLateRental' and key like ${`${car.uuid}:%`}`;
  expect(jobs.map(({ due_at }) => due_at > new Date(say.now() + 5 * 60_000))).toEqual([true]);
  await again(there.uuid, yesterday);
  at(new Date(say.now()).toISOString(), 0.2);
  await eventually(
    async () => (await booking.owner`select 1 from timers where kind = 'behindLateRental' and key like ${`${car.uuid}:%`}`).length === 0,
    'the look',
  );
  expect(await tellings(waiting.uuid)).toEqual([]);
  now();
});

test('BK-07: a car that was brought back elsewhere is quoted there at once, and older news of fleet do not take it back', async () => {
  const [here, there] = [await station(), await station()];
  const car = await say.vehicle({ stationId: here.uuid });
  const away = await booked(car.id, say.hoursAhead(FIRST), there.id);
  const waiting = await booked(car.id, say.hoursAhead(THIRD));
  at(away.times.pickupAt);
  await say.start(admin, away.id);
  // Early: what comes before the agreed return begins there too.
  at(away.times.pickupAt, 4);
  expect((await say.bringBack(admin, away.id)).errors).toEqual([]);
  const soon = async () => (await say.quoted(say.customer(), car.id, say.hoursAhead(6, 4))).pickupStation?.id;
  expect(await soon()).toBe(there.id);
  await car.change({ title: 'Toyota Corolla 2024, washed' });
  expect(await soon()).toBe(there.id);
  await car.change({ stationId: there.uuid });
  expect(await soon()).toBe(there.id);
  await booked(car.id, say.hoursAhead(6, 4));
  expect(await riskOf(waiting.id)).toBeNull();
  expect(await say.emittedFor('booking.leftElsewhere', away.uuid)).toMatchObject([{ stationId: there.uuid }]);
  expect(await violations()).toEqual([]);
  now();
});

test('BK-06: a change goes by where its car will be, and may not take it from the customer after it', async () => {
  const [here, there] = [await station(), await station()];
  const [car, other] = [await say.vehicle({ stationId: here.uuid }), await say.vehicle({ stationId: here.uuid })];
  await booked(other.id, say.hoursAhead(FIRST), there.id);
  const mine = await booked(car.id, say.hoursAhead(SECOND));
  const ask = async (vehicleId: string, times: Times, more = {}) => say.quote(mine.customer, vehicleId, times, { changesBookingId: mine.id, ...more });
  const moved = (await ask(other.id, mine.times)).data.quoteRental;
  expect(moved).toMatchObject({ pickupStation: { id: there.id }, returnStation: { id: there.id } });
  expect((await say.change(mine.customer, mine.id, moved.id)).data.changeBooking).toMatchObject({ station: { id: there.id }, returnStation: { id: there.id } });
  // Back into the first car; and then its customer wants to leave it elsewhere, where nobody waits for it.
  const back = (await ask(car.id, mine.times)).data.quoteRental;
  expect((await say.change(mine.customer, mine.id, back.id)).data.changeBooking).toMatchObject({ station: { id: here.id } });
  const early = (await ask(car.id, mine.times, { returnStationId: there.id })).data.quoteRental;
  const waiting = await booked(car.id, say.hoursAhead(THIRD));
  expect((await ask(car.id, mine.times, { returnStationId: there.id })).codes).toEqual(['ONE_WAY_NOT_POSSIBLE']);
  const refused = await say.change(mine.customer, mine.id, early.id);
  expect(refusal(refused)).toMatchObject({ code: 'ONE_WAY_NOT_POSSIBLE', details: { nextPickupAt: waiting.times.pickupAt, requiredReturnStationId: here.id } });
  // A quote to change it says where the car will be, too.
  const stale = (await ask(other.id, mine.times)).data.quoteRental;
  await booked(other.id, say.hoursAhead(SECOND - 26, 20), here.id);
  expect(refusal(await say.change(mine.customer, mine.id, stale.id))).toMatchObject({ code: 'PICKUP_STATION_CHANGED', details: { pickupStationId: here.id } });
  expect(await say.desk(admin, mine.id)).toMatchObject({ vehicle: { id: car.id }, station: { id: here.id }, returnStation: { id: here.id } });
  expect(await violations()).toEqual([]);
});

test('BK-06b: exchanged cars are picked up where they will be, and an exchange may not take one from the customer after it', async () => {
  const [here, there] = [await station(), await station()];
  const [one, two] = [await say.vehicle({ stationId: here.uuid }), await say.vehicle({ stationId: there.uuid })];
  const away = await booked(one.id, say.hoursAhead(FIRST), there.id);
  const round = await booked(two.id, say.hoursAhead(FIRST));
  const waiting = await booked(one.id, say.hoursAhead(SECOND));
  expect((await say.swap(admin, away.id, round.id)).errors).toEqual([]);
  expect(await say.desk(admin, away.id)).toMatchObject({ vehicle: { id: two.id }, station: { id: there.id }, returnStation: { id: there.id } });
  expect(await say.desk(admin, round.id)).toMatchObject({ vehicle: { id: one.id }, station: { id: here.id }, returnStation: { id: here.id } });
  await becomes(waiting.id, 'ELSEWHERE');
  const behind = await booked(two.id, say.hoursAhead(SECOND));
  const far = await booked((await say.vehicle({ stationId: there.uuid })).id, say.hoursAhead(FIRST), here.id);
  const refused = await say.swap(admin, far.id, away.id);
  expect(refusal(refused)).toMatchObject({ code: 'ONE_WAY_NOT_POSSIBLE', details: { nextPickupAt: behind.times.pickupAt, requiredReturnStationId: there.id } });
  // Two bookings of one car have nothing to exchange.
  expect((await say.swap(admin, behind.id, away.id)).data.swapVehicles).toMatchObject([{ vehicle: { id: two.id } }, { vehicle: { id: two.id } }]);
  expect(await violations()).toEqual([]);
});

test('BK-10: nobody is a no-show for a car that is elsewhere, and the booking ends with its time', async () => {
  const { away, waiting } = await strandable();
  await say.cancel(away.customer, away.id);
  await becomes(waiting.id, 'ELSEWHERE');
  const putOff = () =>
    booking.owner`select 1 from timers where kind = 'noShow' and key like ${`${waiting.uuid}:%`} and due_at > ${booking.environment.clock()}`;
  at(waiting.times.pickupAt, 5);
  await eventually(async () => (await putOff()).length > 0, 'the no-show to be put off');
  expect((await say.desk(admin, waiting.id)).status).toBe('CONFIRMED');
  at(waiting.times.returnAt, 2);
  await eventually(async () => (await say.desk(admin, waiting.id)).status === 'NO_SHOW', 'its end');
  expect(await say.emittedFor('booking.noShow', waiting.uuid)).toMatchObject([{ feeMinor: '0' }]);
  now();
});

test('PF-02b: a booking that waits where its car will not be, and was not told, is reported', async () => {
  const { here, there, car, waiting } = await strandable();
  expect(await violations()).toEqual([]);
  await booking.owner`update bookings set station_id = ${here.uuid} where id = ${waiting.uuid}`;
  expect(await violations()).toEqual([{ kind: 'CAR_ELSEWHERE', reference: waiting.uuid }]);
  await booking.owner`update bookings set station_id = ${there.uuid} where id = ${waiting.uuid}`;
  expect(await violations()).toEqual([]);
  // The first of a car's bookings is measured by where it stands.
  await booking.owner`update vehicles set station_id = ${there.uuid} where vehicle_id = ${car.uuid}`;
  expect((await violations()).map(({ kind }) => kind)).toEqual(['CAR_ELSEWHERE']);
  await booking.owner`update vehicles set station_id = ${here.uuid} where vehicle_id = ${car.uuid}`;
});
