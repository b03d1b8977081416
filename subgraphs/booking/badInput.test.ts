import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
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

const said = ({ codes, errors }: { codes: string[]; errors: readonly { extensions: Record<string, unknown> }[] }) => {
  const details = errors[0]?.extensions.details as { field?: string; rule?: string } | undefined;
  return [codes[0], details?.field, details?.rule].filter(Boolean).join(' ');
};
/** What a refusal could leave behind. */
/** What is there but for the refusals themselves, which are kept as answers to their keys. */
const kept = async () => {
  const [row] = await booking.owner`select (select count(*) from bookings)::int as bookings, (select count(*) from vehicle_claims)::int as claims,
    (select count(*) from events)::int as events, (select count(*) from timers)::int as timers, (select count(*) from idempotency_keys where refusal is null)::int as keys,
    (select count(*) from quotes where used_by_booking is not null)::int as used`;
  return row;
};

test('BK-05: times that make no rental name their field and rule, and leave nothing behind', async () => {
  const car = await say.vehicle();
  const mona = say.customer();
  const fine = say.hoursAhead(48);
  const before = await kept();
  const quote = async (times: { pickupAt: string; returnAt: string }) => said(await say.quote(mona, car.id, times));
  expect(await quote({ pickupAt: fine.returnAt, returnAt: fine.pickupAt })).toBe('VALIDATION_ERROR input.returnAt after_pickup');
  expect(await quote({ pickupAt: fine.pickupAt, returnAt: fine.pickupAt })).toBe('VALIDATION_ERROR input.returnAt after_pickup');
  expect(await quote(say.hoursAhead(-2))).toBe('VALIDATION_ERROR input.pickupAt future');
  expect(await quote(say.hoursAhead(48, 0.5))).toBe('VALIDATION_ERROR input.returnAt too_short');
  expect(await quote(say.hoursAhead(48, 90 * 24 + 1))).toBe('VALIDATION_ERROR input.returnAt too_long');
  expect(await kept()).toEqual(before);
});

test('BK-04: quotes that are expired, of somebody else, used or none name their field and book nothing', async () => {
  const car = await say.vehicle();
  const [mona, karim] = [say.customer(), say.customer()];
  const times = say.hoursAhead(48);
  const hers = await say.quoted(mona, car.id, times);
  const used = await say.held(karim, (await say.vehicle()).id, times);
  const [row] = await booking.owner`select quote_id from bookings where id = ${used.uuid}`;
  const before = await kept();
  expect(said(await say.create(karim, hers.id))).toBe('NOT_FOUND input.quoteId');
  expect(said(await say.create(karim, publicId('qte', randomUUID())))).toBe('NOT_FOUND input.quoteId');
  expect(said(await say.create(karim, 'qte_nonsense'))).toBe('NOT_FOUND input.quoteId');
  expect(said(await say.create(karim, publicId('qte', row?.quote_id as string)))).toBe('QUOTE_USED input.quoteId');
  booking.setClock(new Date(Date.now() + 11 * 60_000));
  expect(said(await say.create(mona, hers.id))).toBe('QUOTE_EXPIRED input.quoteId');
  booking.setClock(new Date());
  expect(await kept()).toEqual(before);
});

test('BK-03: a price that a client sends is no part of any input', async () => {
  const car = await say.vehicle();
  const mona = say.customer();
  const before = await kept();
  const cheap = { total: { amount: '1.00', currency: 'EGP' } };
  for (const extra of [cheap, { totalMinor: '100' }, { dailyRate: cheap.total }, { lines: [] }]) {
    expect((await say.quote(mona, car.id, say.hoursAhead(48), extra)).codes).toEqual(['BAD_USER_INPUT']);
  }
  const quote = await say.quoted(mona, car.id, say.hoursAhead(48));
  for (const extra of [cheap, { price: '1.00' }]) expect((await say.create(mona, quote.id, extra)).codes).toEqual(['BAD_USER_INPUT']);
  expect(await kept()).toEqual(before);
  expect((await say.create(mona, quote.id)).data.createBooking.total).toEqual(quote.total);
});

test('BK-09: cursors that are none, or of another list, and pages that are too large, are refused', async () => {
  const list = (variables: object) =>
    booking.run(admin, 'query($first: Int, $after: String) { bookings(first: $first, after: $after) { nodes { id } } }', { ...variables });
  expect(said(await list({ after: 'nonsense' }))).toMatch(/^VALIDATION_ERROR after/);
  const other = Buffer.from(JSON.stringify(['BOOKINGS_NEWEST', 'x', 'y'])).toString('base64url');
  expect(said(await list({ after: other }))).toMatch(/^VALIDATION_ERROR after/);
  // Made up, with the right name and a key that no row can have.
  for (const key of [
    ['x', 'y'],
    ['2026-13-45T00:00:00.000Z', '01900000-0000-7000-8000-000000000001'],
    ['2026-01-01T00:00:00.000Z', "'"],
  ]) {
    const forged = Buffer.from(JSON.stringify(['BOOKINGS_BY_PICKUP', ...key])).toString('base64url');
    expect(said(await list({ after: forged }))).toBe('VALIDATION_ERROR after cursor');
  }
  for (const first of [-1, 101]) expect(said(await list({ first }))).toMatch(/^VALIDATION_ERROR first/);
});

test('BK-07: readings and times at the desk that cannot be are refused with their field', async () => {
  const made = await say.confirmed(say.customer(), (await say.vehicle()).id, say.hoursAhead(1));
  booking.setClock(new Date(Date.now() + 2 * 3_600_000));
  expect(said(await say.start(admin, made.id, { odometerKm: -1 }))).toBe('VALIDATION_ERROR input.odometerKm too_small');
  expect(said(await say.start(admin, made.id, { fuelPercent: 101 }))).toBe('VALIDATION_ERROR input.fuelPercent too_big');
  expect((await say.start(admin, made.id)).errors).toEqual([]);
  expect(said(await say.bringBack(admin, made.id, { odometerKm: 1 }))).toBe('VALIDATION_ERROR input.odometerKm min');
  const damage = { fee: { amount: '10.00', currency: 'USD' }, note: 'x' };
  expect(said(await say.bringBack(admin, made.id, { damage }))).toBe('VALIDATION_ERROR input.damage.fee.currency same_currency');
  const below = { fee: { amount: '-10.00', currency: 'EGP' }, note: 'x' };
  expect(said(await say.bringBack(admin, made.id, { damage: below }))).toBe('VALIDATION_ERROR input.damage.fee.amount not_negative');
  expect((await say.desk(admin, made.id)).status).toBe('ACTIVE');
  booking.setClock(new Date());
});
