import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ANONYMOUS, systemActor } from '../../platform/actor.js';
import { publicId } from '../../platform/ids.js';
import { startTestSubgraph, type TestSubgraph, user } from '../../test/subgraphHarness.js';
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

test('BK-06: a booking moves to other dates that overlap its own, and the difference is told', async () => {
  const mona = say.customer();
  const car = await say.vehicle();
  const made = await say.confirmed(mona, car.id, say.hoursAhead(48, 24));
  const longer = say.hoursAhead(60, 48);
  expect((await say.quote(mona, car.id, longer)).codes).toEqual(['VEHICLE_UNAVAILABLE']);
  const { data, errors } = await say.quote(mona, car.id, longer, { changesBookingId: made.id });
  expect(errors).toEqual([]);
  expect((await say.create(mona, data.quoteRental.id)).codes).toEqual(['QUOTE_CHANGES_BOOKING']);
  const idempotencyKey = randomUUID();
  const changed = await say.change(mona, made.id, data.quoteRental.id, { idempotencyKey });
  expect(changed.data.changeBooking).toMatchObject({ status: 'CONFIRMED', ...longer, total: { amount: '3192.00' } });
  expect((await say.change(mona, made.id, data.quoteRental.id, { idempotencyKey })).data).toEqual(changed.data);
  expect((await say.change(mona, made.id, data.quoteRental.id)).codes).toEqual(['QUOTE_USED']);
  expect(await say.emittedFor('booking.changed', made.uuid)).toEqual([
    {
      bookingId: made.uuid,
      customerId: mona.id,
      vehicleId: car.uuid,
      previousVehicleId: car.uuid,
      vehicleTitle: 'Toyota Corolla 2024',
      blockedFrom: longer.pickupAt,
      blockedTo: new Date(new Date(longer.returnAt).getTime() + 2 * 3_600_000).toISOString(),
      ...longer,
      totalMinor: '319200',
      deltaMinor: '159600',
      currency: 'EGP',
      cause: 'REQUESTED',
    },
  ]);
  // What it left is free, what it has is not.
  expect((await say.held(say.customer(), car.id, say.hoursAhead(48, 10))).status).toBe('HELD');
  expect((await say.quote(say.customer(), car.id, say.hoursAhead(100, 2))).codes).toEqual(['VEHICLE_UNAVAILABLE']);
  const shorter = await say.quote(mona, car.id, say.hoursAhead(72, 20), { changesBookingId: made.id });
  await say.change(mona, made.id, shorter.data.quoteRental.id);
  expect((await say.emittedFor('booking.changed', made.uuid)).at(-1)).toMatchObject({ deltaMinor: '-159600' });
});

test('BK-06: a booking moves to another car; when that is taken meanwhile, it stays as it was', async () => {
  const [mona, karim] = [say.customer(), say.customer()];
  const [car, other] = [await say.vehicle(), await say.vehicle({ dailyRateMinor: '200000' })];
  const times = say.hoursAhead(48);
  const made = await say.confirmed(mona, car.id, times);
  const quote = await say.quote(mona, other.id, times, { changesBookingId: made.id });
  const again = await say.quote(mona, other.id, times, { changesBookingId: made.id });
  const rival = await say.held(karim, other.id, times);
  const before = await say.look(mona, made.id);
  const refused = await say.change(mona, made.id, quote.data.quoteRental.id);
  expect(refused.codes).toEqual(['VEHICLE_UNAVAILABLE']);
  expect(await say.look(mona, made.id)).toEqual(before);
  expect((await say.quote(say.customer(), car.id, times)).codes).toEqual(['VEHICLE_UNAVAILABLE']);
  await say.cancel(karim, rival.id);
  expect((await say.change(mona, made.id, again.data.quoteRental.id)).data.changeBooking).toMatchObject({ vehicle: { id: other.id } });
  expect((await say.held(karim, car.id, times)).status).toBe('HELD');
});

test('BK-06: what cannot be changed, or is not theirs, is refused', async () => {
  const [mona, karim] = [say.customer(), say.customer()];
  const car = await say.vehicle();
  const times = say.hoursAhead(48);
  const made = await say.held(mona, car.id, times);
  const ask = (actor = mona, changesBookingId = made.id) => say.quote(actor, car.id, say.hoursAhead(50), { changesBookingId });
  expect((await ask()).codes).toEqual(['BOOKING_NOT_CHANGEABLE']);
  await say.payment('authorised', made.uuid);
  expect((await ask(karim)).codes).toEqual(['NOT_FOUND']);
  expect((await ask(mona, publicId('bkg', randomUUID()))).codes).toEqual(['NOT_FOUND']);
  const { id } = (await ask()).data.quoteRental;
  expect((await say.change(karim, made.id, id)).codes).toEqual(['NOT_FOUND']);
  expect((await say.change(mona, made.id, 'qte_nonsense')).codes).toEqual(['NOT_FOUND']);
  expect((await say.change(ANONYMOUS, made.id, id)).codes).toEqual(['UNAUTHENTICATED']);
  expect((await say.change(mona, made.id, id, { idempotencyKey: null })).codes).toEqual(['IDEMPOTENCY_KEY_REQUIRED']);
  const plain = await say.quoted(mona, (await say.vehicle()).id, times);
  expect((await say.change(mona, made.id, plain.id)).codes).toEqual(['QUOTE_NOT_FOR_BOOKING']);
  const dollars = await say.vehicle({ currency: 'USD', dailyRateMinor: '5000' });
  const foreign = await say.quote(mona, dollars.id, times, { changesBookingId: made.id });
  expect((await say.change(mona, made.id, foreign.data.quoteRental.id)).codes).toEqual(['CURRENCY_MISMATCH']);
  await say.cancel(mona, made.id);
  expect((await say.change(mona, made.id, id)).codes).toEqual(['BOOKING_NOT_CHANGEABLE']);
});

test('BK-06b: two bookings exchange their cars, or neither does', async () => {
  const [mona, karim] = [say.customer(), say.customer()];
  const [one, two] = [await say.vehicle(), await say.vehicle()];
  const hers = await say.confirmed(mona, one.id, say.hoursAhead(48));
  const his = await say.confirmed(karim, two.id, say.hoursAhead(52));
  const swapped = await say.swap(admin, hers.id, his.id);
  expect(swapped.errors).toEqual([]);
  expect(swapped.data.swapVehicles).toMatchObject([{ vehicle: { id: two.id } }, { vehicle: { id: one.id } }]);
  expect((await say.emittedFor('booking.changed', hers.uuid))[0]).toMatchObject({ cause: 'SWAP', vehicleId: two.uuid, deltaMinor: '0' });
  await say.held(say.customer(), one.id, say.hoursAhead(46, 2));
  const refused = await say.swap(admin, hers.id, his.id);
  expect(refused.codes).toEqual(['VEHICLE_UNAVAILABLE']);
  expect((await say.desk(admin, hers.id)).vehicle.id).toBe(two.id);
  expect((await say.swap(admin, hers.id, hers.id)).codes).toEqual(['VALIDATION_ERROR']);
  expect((await say.swap(mona, hers.id, his.id)).codes).toEqual(['FORBIDDEN']);
  expect((await say.swap(admin, hers.id, publicId('bkg', randomUUID()))).codes).toEqual(['NOT_FOUND']);
});

test('BK-01: an owner’s block is inside the constraint, and lifting it gives the car back', async () => {
  const car = await say.vehicle();
  const times = say.hoursAhead(48);
  const blocked = await say.block(admin, car.id, times.pickupAt, times.returnAt);
  expect(blocked.errors).toEqual([]);
  const id = String(blocked.data.blockVehicle?.id);
  expect(id).toMatch(/^blk_/);
  const refused = await say.quote(say.customer(), car.id, say.hoursAhead(47, 3));
  expect(refused.codes).toEqual(['VEHICLE_UNAVAILABLE']);
  expect(refused.errors[0]?.extensions.details).toMatchObject({ nextFreeFrom: times.returnAt });
  expect((await say.block(admin, car.id, times.pickupAt, times.returnAt)).codes).toEqual(['VEHICLE_UNAVAILABLE']);
  const list = 'query($id: ID!) { vehicleBlocks(vehicleId: $id) { id reason } }';
  expect((await booking.run(admin, list, { id: car.id })).data).toEqual({ vehicleBlocks: [{ id, reason: 'brakes' }] });
  expect((await booking.run(say.customer(), list, { id: car.id })).codes).toEqual(['FORBIDDEN']);
  const lift = 'mutation($id: ID!) { unblockVehicle(id: $id) { id liftedAt } }';
  const lifted = await booking.run(admin, lift, { id });
  expect(lifted.errors).toEqual([]);
  expect((await booking.run(admin, lift, { id })).data).toEqual(lifted.data);
  expect((await booking.run(admin, lift, { id: 'blk_nonsense' })).codes).toEqual(['NOT_FOUND']);
  expect((await say.held(say.customer(), car.id, times)).status).toBe('HELD');
  expect((await say.block(admin, car.id, times.pickupAt, times.returnAt)).codes).toEqual(['VEHICLE_UNAVAILABLE']);
  expect((await say.block(admin, car.id, times.returnAt, times.pickupAt)).codes).toEqual(['VALIDATION_ERROR']);
  expect((await say.block(admin, car.id, times.pickupAt, times.returnAt, { reason: ' ' })).codes).toEqual(['VALIDATION_ERROR']);
  expect((await say.block(admin, publicId('veh', randomUUID()), times.pickupAt, times.returnAt)).codes).toEqual(['NOT_FOUND']);
  expect((await say.block(say.customer(), car.id, times.pickupAt, times.returnAt)).codes).toEqual(['FORBIDDEN']);
  expect(await booking.emitted('block.placed')).toContainEqual(expect.objectContaining({ vehicleId: car.uuid, blockedFrom: times.pickupAt }));
  expect((await booking.emitted('block.lifted')).length).toBe(1);
});

test('ID-08: nobody but staff reads why a car is blocked', async () => {
  const read = (role: string) =>
    booking.asService.begin(async (sql) => {
      await sql`select set_config('waygraph.actor_id', ${randomUUID()}, true), set_config('waygraph.actor_roles', ${role}, true)`;
      return (await sql`select reason from vehicle_blocks`).length;
    });
  expect(await read('CUSTOMER')).toBe(0);
  expect(await read('ADMIN')).toBeGreaterThan(0);
});

test('BK-01: at commit the database refuses a booking without its claim, and a claim without its booking', async () => {
  const made = await say.held(say.customer(), (await say.vehicle()).id, say.hoursAhead(48));
  await expect(booking.owner`delete from vehicle_claims where holder_id = ${made.uuid}`).rejects.toThrow('without the claim');
  await expect(booking.owner`update bookings set vehicle_id = gen_random_uuid() where id = ${made.uuid}`).rejects.toThrow('without the claim');
  await expect(booking.owner`update bookings set status = 'CANCELLED' where id = ${made.uuid}`).rejects.toThrow('does not need');
});

test('BK-03: promotion, young driver and a return elsewhere are lines of the quote', async () => {
  const mona = say.customer();
  const car = await say.vehicle();
  const elsewhere = randomUUID();
  await say.vehicle({ stationId: elsewhere });
  const save = (actor: typeof admin, input: Record<string, unknown>) =>
    booking.run(actor, 'mutation($input: SavePromotionInput!) { savePromotion(input: $input) { code percent } }', { input });
  const day = (days: number) => new Date(say.now() + days * 86_400_000).toISOString();
  const terms = { code: 'summer-10', percent: 10, validFrom: day(-1), validTo: day(1) };
  expect((await save(mona, terms)).codes).toEqual(['FORBIDDEN']);
  for (const bad of [{ percent: 91 }, { percent: 0 }, { code: 'a b' }, { validTo: day(-2) }]) {
    expect((await save(admin, { ...terms, ...bad })).codes).toEqual(['VALIDATION_ERROR']);
  }
  expect((await save(admin, terms)).data).toEqual({ savePromotion: { code: 'SUMMER-10', percent: 10 } });
  await save(admin, { ...terms, code: 'OLD', validFrom: day(-9), validTo: day(-8) });
  const returnStationId = publicId('stn', elsewhere);
  const { data } = await say.quote(mona, car.id, say.hoursAhead(48, 48), { promoCode: ' Summer-10', driverAge: 24, returnStationId });
  expect(data.quoteRental.lines.map(({ kind, amount }) => `${kind} ${amount.amount}`)).toEqual([
    'RENTAL 2800.00',
    'DISCOUNT -280.00',
    'FEE 300.00',
    'FEE 750.00',
    'TAX 499.80',
  ]);
  const code = async (more: Record<string, unknown>) => (await say.quote(mona, car.id, say.hoursAhead(48, 48), more)).codes[0];
  expect(await code({ promoCode: 'OLD' })).toBe('PROMOTION_NOT_VALID');
  expect(await code({ promoCode: 'NONE' })).toBe('PROMOTION_NOT_VALID');
  expect(await code({ driverAge: 17 })).toBe('VALIDATION_ERROR');
  expect(await code({ driverAge: 25 })).toBeUndefined();
  expect(await code({ returnStationId: publicId('stn', randomUUID()) })).toBe('NOT_FOUND');
});

test('ID-05b: a partner books for many guests, and for each of them as much as a customer may', async () => {
  const partner = user('PARTNER');
  const book = async (guest: Record<string, unknown>, n: number) => {
    const car = await say.vehicle();
    const quote = await say.quote(partner, car.id, say.hoursAhead(48 + n));
    return (await say.create(partner, quote.data.quoteRental.id, { guest })).codes[0] ?? 'HELD';
  };
  const amal = { name: 'Amal Guest', email: 'amal@example.test' };
  for (let n = 0; n < 10; n += 1) expect(await book({ ...amal, name: `Amal ${n}` }, n)).toBe('HELD');
  expect(await book({ name: 'A. Guest', email: 'AMAL@example.test' }, 10)).toBe('TOO_MANY_BOOKINGS');
  expect(await book({ name: 'Basel Guest', email: 'basel@example.test' }, 10)).toBe('HELD');
});

test('BK-09: my bookings come in the order that is asked for, page by page', async () => {
  const mona = say.customer();
  const hours = [60, 48, 72];
  const made: string[] = [];
  for (const hour of hours) made.push((await say.held(mona, (await say.vehicle()).id, say.hoursAhead(hour))).id);
  const [first, second, third] = made;
  const query = `query($representations: [_Any!]!, $sort: BookingSort, $after: String) { _entities(representations: $representations) {
    ... on User { bookings(sort: $sort, first: 2, after: $after) { nodes { id } pageInfo { endCursor } } } } }`;
  interface Page {
    _entities: { bookings: { nodes: { id: string }[]; pageInfo: { endCursor: string } } }[];
  }
  const page = async (sort: string | null, after: string | null = null) => {
    const representations = [{ __typename: 'User', id: publicId('usr', mona.id) }];
    return booking.run<Page>(mona, query, { representations, sort, after });
  };
  const all = async (sort: string | null) => {
    const one = (await page(sort)).data._entities[0]?.bookings;
    const other = (await page(sort, one?.pageInfo.endCursor)).data._entities[0]?.bookings;
    return [...(one?.nodes ?? []), ...(other?.nodes ?? [])].map(({ id }) => id);
  };
  expect(await all(null)).toEqual([third, second, first]);
  expect(await all('OLDEST')).toEqual([first, second, third]);
  expect(await all('PICKUP_ASC')).toEqual([second, first, third]);
  expect(await all('PICKUP_DESC')).toEqual([third, first, second]);
  const cursor = (await page('PICKUP_ASC')).data._entities[0]?.bookings.pageInfo.endCursor ?? '';
  expect((await page('OLDEST', cursor)).codes).toEqual(['VALIDATION_ERROR']);
});

test('ID-05b: a partner books for a guest, whom nobody else sees; others cannot', async () => {
  const partner = user('PARTNER');
  const guest = { name: 'Amal Guest', email: 'amal@example.test', phone: '+201001234567' };
  const quote = async () => (await say.quoted(partner, (await say.vehicle()).id, say.hoursAhead(48))).id;
  const made = await say.create(partner, await quote(), { guest });
  expect(made.errors).toEqual([]);
  const read = 'query($id: ID!) { booking(id: $id) { guest { name email phone } } }';
  expect((await booking.run(partner, read, { id: made.data.createBooking.id })).data).toEqual({ booking: { guest } });
  expect((await booking.run(user('PARTNER'), read, { id: made.data.createBooking.id })).data).toEqual({ booking: null });
  expect(JSON.stringify(await booking.emitted('booking.held'))).not.toContain('Amal');
  expect((await say.create(partner, await quote(), { guest: { ...guest, phone: '010' } })).codes).toEqual(['VALIDATION_ERROR']);
  const mona = say.customer();
  const hers = await say.quoted(mona, (await say.vehicle()).id, say.hoursAhead(48));
  expect((await say.create(mona, hers.id, { guest })).codes).toEqual(['FORBIDDEN']);
  expect((await say.create(systemActor('x'), hers.id, { guest })).codes).toEqual(['FORBIDDEN']);
});
