import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DEMO_ACCOUNTS, DEMO_PASSWORD } from '../../platform/demoAccounts.js';
import { publicId } from '../../platform/ids.js';
import { startGraph, type TestGraph } from '../graphHarness.js';
import { eventually } from '../subgraphHarness.js';

/** Who asks: nobody, a stranger, the rider and renter, the driver of the trip, an admin. */
const WHO = ['anonymous', 'stranger', 'customer', 'driver', 'admin'] as const;
type Who = (typeof WHO)[number];

let graph: TestGraph;
const tokens: Partial<Record<Who, string>> = {};
const ids = { booking: '', trip: '', deposit: '', withdrawal: '' };

beforeAll(async () => {
  graph = await startGraph('one');
  const accounts = { stranger: 'customer2', customer: 'customer', driver: 'driver', admin: 'admin' } as const;
  for (const [who, account] of Object.entries(accounts)) {
    const { signIn } = await graph.anonymous().SignIn({ input: { email: DEMO_ACCOUNTS[account].email, password: DEMO_PASSWORD } });
    tokens[who as Who] = signIn.accessToken;
  }
  const [customer, driver] = [await graph.as('customer'), await graph.as('driver')];
  const when = { pickupAt: '2034-01-01T10:00:00Z', returnAt: '2034-01-02T10:00:00Z' };
  const { quoteRental } = await customer.QuoteRental({ input: { vehicleId: 'veh_01j0000000e00800g000000001', ...when } });
  ids.booking = (await customer.CreateBooking({ input: { quoteId: quoteRental.id, paymentMethod: 'WALLET', idempotencyKey: randomUUID() } })).createBooking.id;
  await eventually(async () => (await customer.GetBooking({ id: ids.booking })).booking?.payment?.status === 'CAPTURED', 'the booking to be paid');
  ids.deposit = (await customer.InitiateDeposit({ input: { amount: { amount: '10.00', currency: 'EGP' }, idempotencyKey: randomUUID() } })).initiateDeposit.id;
  const amount = { amount: '10.00', currency: 'EGP' };
  ids.withdrawal = (
    await driver.RequestWithdrawal({ input: { amount, method: 'BANK', accountNumber: 'EG380019000500000000263180002', idempotencyKey: randomUUID() } })
  ).requestWithdrawal.id;
  await driver.GoOnline({ at: { lat: 30.0444, lng: 31.2357 } });
  const offers = driver.DriverOffers()[Symbol.asyncIterator]();
  const offered = offers.next();
  const { quoteTrip } = await customer.QuoteTrip({ input: { pickup: { lat: 30.045, lng: 31.236 }, destination: { lat: 30.06, lng: 31.25 } } });
  ids.trip = (await customer.RequestTrip({ input: { quoteId: quoteTrip[0]?.id ?? '', paymentMethod: 'WALLET', idempotencyKey: randomUUID() } })).requestTrip.id;
  await driver.AcceptOffer({ offerId: (await offered).value?.driverOffers.id ?? '' });
  await offers.return?.();
}, 60_000);
afterAll(() => graph[Symbol.asyncDispose]());

/** `shown`, the code of the refusal at that field, or `hidden` when something above it is null without a word. */
async function see(who: Who, query: string, path: string): Promise<string> {
  const token = tokens[who];
  const { json } = await graph.post({ query }, token ? { authorization: `Bearer ${token}` } : {});
  const value = path.split('.').reduce<unknown>((at, key) => (at as Record<string, unknown> | null | undefined)?.[key], json.data);
  if (value !== null && value !== undefined) return 'shown';
  return String(json.errors?.[0]?.extensions.code ?? 'hidden');
}

const PERSON = [
  'email',
  'phone',
  'roles',
  'wallet { balance { amount } }',
  'bookings(first: 1) { nodes { id } }',
  'trips(first: 1) { nodes { id } }',
  'notifications(first: 1) { nodes { id } }',
];
const first = (selection: string) => selection.split(/[ ({]/)[0] ?? '';

const F = 'FORBIDDEN';
const U = 'UNAUTHENTICATED';
const S = 'shown';
const H = 'hidden';
/** Expected for anonymous, stranger, customer, driver, admin; `null` where a null value is as good as a shown one (a phone that is not given). */
const EDGES: [name: string, query: () => string, path: string, expected: readonly string[]][] = [
  ['Booking', () => `{ booking(id: "${ids.booking}") { status } }`, 'booking.status', [U, H, S, H, S]],
  ['Booking.customer.name', () => `{ booking(id: "${ids.booking}") { customer { name } } }`, 'booking.customer.name', [U, H, S, H, S]],
  ['Booking.payment', () => `{ booking(id: "${ids.booking}") { payment { amount { amount } } } }`, 'booking.payment.amount', [U, H, S, H, S]],
  ['Trip', () => `{ trip(id: "${ids.trip}") { status } }`, 'trip.status', [U, H, S, S, S]],
  ['Trip.rider.name', () => `{ trip(id: "${ids.trip}") { rider { name } } }`, 'trip.rider.name', [U, H, S, S, S]],
  ['Trip.driver.user.name', () => `{ trip(id: "${ids.trip}") { driver { user { name } } } }`, 'trip.driver.user.name', [U, H, S, S, S]],
  ['Trip.driver.plate', () => `{ trip(id: "${ids.trip}") { driver { plate } } }`, 'trip.driver.plate', [U, H, S, S, S]],
  ['Trip.payment', () => `{ trip(id: "${ids.trip}") { payment { amount { amount } } } }`, 'trip.payment.amount', [U, H, S, S, S]],
  ...PERSON.filter((selection) => selection !== 'phone').map((selection): (typeof EDGES)[number] => [
    `Trip.rider.${first(selection)}`,
    () => `{ trip(id: "${ids.trip}") { rider { ${selection} } } }`,
    `trip.rider.${first(selection)}`,
    [U, H, S, F, S],
  ]),
  ...PERSON.filter((selection) => selection !== 'phone').map((selection): (typeof EDGES)[number] => [
    `Trip.driver.user.${first(selection)}`,
    () => `{ trip(id: "${ids.trip}") { driver { user { ${selection} } } } }`,
    `trip.driver.user.${first(selection)}`,
    [U, H, F, S, S],
  ]),
  ['node(booking)', () => `{ node(id: "${ids.booking}") { id } }`, 'node.id', [H, H, S, H, S]],
  ['node(trip)', () => `{ node(id: "${ids.trip}") { id } }`, 'node.id', [H, H, S, S, S]],
  ['node(deposit)', () => `{ node(id: "${ids.deposit}") { id } }`, 'node.id', [H, H, S, H, S]],
  ['node(withdrawal)', () => `{ node(id: "${ids.withdrawal}") { id } }`, 'node.id', [H, H, H, S, S]],
  ['node(customer)', () => `{ node(id: "${publicId('usr', DEMO_ACCOUNTS.customer.id)}") { id } }`, 'node.id', [H, H, S, H, S]],
  ['node(driver person)', () => `{ node(id: "${publicId('usr', DEMO_ACCOUNTS.driver.id)}") { id } }`, 'node.id', [H, H, H, S, S]],
  ['node(vehicle)', () => '{ node(id: "veh_01j0000000e00800g000000001") { id } }', 'node.id', [S, S, S, S, S]],
  ['Vehicle.plate', () => '{ vehicle(id: "veh_01j0000000e00800g000000001") { plate } }', 'vehicle.plate', [F, F, F, F, S]],
  ['withdrawals', () => '{ withdrawals(first: 1) { nodes { id } } }', 'withdrawals.nodes', [U, F, F, F, S]],
  ['threads', () => '{ threads(first: 1) { nodes { id } } }', 'threads.nodes', [U, F, F, F, S]],
  ['systemHealth', () => '{ systemHealth { violations { kind } } }', 'systemHealth.violations', [U, F, F, F, S]],
  ['nearbyDrivers', () => '{ nearbyDrivers(near: { lat: 30.04, lng: 31.23 }) { distanceM } }', 'nearbyDrivers', [U, S, S, S, S]],
  ['me', () => '{ me { id } }', 'me.id', [U, S, S, S, S]],
];

describe('ID-07b: every edge that reaches personal data', () => {
  test.each(EDGES)('%s', async (_name, query, path, expected) => {
    const seen = await Promise.all(WHO.map((who) => see(who, query(), path)));
    expect(Object.fromEntries(WHO.map((who, index) => [who, seen[index]]))).toEqual(Object.fromEntries(WHO.map((who, index) => [who, expected[index]])));
  });

  test('threads of bookings and trips are for staff', async () => {
    for (const query of [`{ booking(id: "${ids.booking}") { thread { id } } }`, `{ trip(id: "${ids.trip}") { thread { id } } }`]) {
      const { json } = await graph.post({ query }, { authorization: `Bearer ${tokens.customer}` });
      expect(json.errors?.[0]?.extensions.code).toBe('FORBIDDEN');
    }
  });

  test('a stranger changes nothing of somebody else, and is told that there is nothing', async () => {
    const authorization = `Bearer ${tokens.stranger}`;
    const mutations = [
      `mutation { cancelBooking(input: { bookingId: "${ids.booking}" }) { id } }`,
      `mutation { cancelTrip(tripId: "${ids.trip}") { id } }`,
      `mutation { rateTrip(input: { tripId: "${ids.trip}", stars: 1 }) { id } }`,
    ];
    for (const query of mutations) expect((await graph.post({ query }, { authorization })).json.errors?.[0]?.extensions.code).toBe('NOT_FOUND');
    for (const field of [
      'acceptOffer(offerId: "x")',
      'startTrip(tripId: "x")',
      'completeTrip(tripId: "x")',
      'approveWithdrawal(id: "x")',
      'retireVehicle(id: "x")',
      'approveDriver(id: "x")',
    ]) {
      expect((await graph.post({ query: `mutation { ${field} { id } }` }, { authorization })).json.errors?.[0]?.extensions.code).toBe('FORBIDDEN');
    }
  });
});
