import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DEMO_ACCOUNTS, DEMO_PASSWORD } from '../../platform/demoAccounts.js';
import { publicId } from '../../platform/ids.js';
import { bookingPermissions } from '../../subgraphs/booking/permissions.js';
import { fleetPermissions } from '../../subgraphs/fleet/permissions.js';
import { SERVICE_KEY, startGraph, type TestGraph } from '../graphHarness.js';
import { eventually } from '../subgraphHarness.js';

/** Who asks: nobody, a stranger, the rider and renter, the driver of the trip, an admin. */
const WHO = ['anonymous', 'stranger', 'customer', 'driver', 'admin'] as const;
type Who = (typeof WHO)[number];

let graph: TestGraph;
const tokens: Partial<Record<Who, string>> = {};
const ids = { booking: '', trip: '', deposit: '', withdrawal: '', link: '' };

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
  const seen = `mutation { reportVehiclePositions(positions: [{ vehicleId: "${CAR}", point: { lat: 30, lng: 31 }, at: "2026-01-01T00:00:00Z" }]) }`;
  expect((await graph.post({ query: seen }, { 'x-api-key': SERVICE_KEY })).json.errors).toBeUndefined();
  const share = { query: `mutation { shareTrip(tripId: "${ids.trip}") { token } }` };
  const { json } = await graph.post(share, { authorization: `Bearer ${tokens.customer}` });
  ids.link = (json.data as unknown as { shareTrip: { token: string } }).shareTrip.token;
});
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
const CAR = 'veh_01j0000000e00800g000000001';
const first = (selection: string) => selection.split(/[ ({]/)[0] ?? '';

const wallet = (selection: string) => `{ me { wallet { ${selection} } } }`;
const riderWallet = (selection: string) => `{ trip(id: "${ids.trip}") { rider { wallet { ${selection} } } } }`;
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
  ['Trip.strategy', () => `{ trip(id: "${ids.trip}") { strategy } }`, 'trip.strategy', [U, H, S, S, S]],
  ['Trip.bids', () => `{ trip(id: "${ids.trip}") { bids { id } } }`, 'trip.bids', [U, H, S, S, S]],
  ['sharedTrip', () => `{ sharedTrip(token: "${ids.link}") { status } }`, 'sharedTrip.status', [S, S, S, S, S]],
  ['sharedTrip.driver.firstName', () => `{ sharedTrip(token: "${ids.link}") { driver { firstName } } }`, 'sharedTrip.driver.firstName', [S, S, S, S, S]],
  ['sharedTrip, forged', () => `{ sharedTrip(token: "${'A'.repeat(32)}") { status } }`, 'sharedTrip.status', [H, H, H, H, H]],
  ['myDrivers', () => '{ myDrivers { kind } }', 'myDrivers', [U, S, S, S, S]],
  ['matchingSettings', () => '{ matchingSettings { strategy } }', 'matchingSettings.strategy', [U, F, F, F, S]],
  ['matchingHealth', () => '{ matchingHealth { searching } }', 'matchingHealth.searching', [U, F, F, F, S]],
  [
    'matchingMetrics',
    () => '{ matchingMetrics(from: "2026-01-01T00:00:00Z", to: "2026-01-02T00:00:00Z") { requested } }',
    'matchingMetrics.requested',
    [U, F, F, F, S],
  ],
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
  ['Booking.agreement', () => `{ booking(id: "${ids.booking}") { agreement { status } } }`, 'booking.agreement.status', [U, H, S, H, S]],
  ['Booking.photos', () => `{ booking(id: "${ids.booking}") { photos { url } } }`, 'booking.photos', [U, H, S, H, S]],
  ['Booking.replacements', () => `{ booking(id: "${ids.booking}") { replacements { id } } }`, 'booking.replacements', [U, H, S, H, S]],
  [
    'Booking.vehicle.lastPosition',
    () => `{ booking(id: "${ids.booking}") { vehicle { lastPosition { at } } } }`,
    'booking.vehicle.lastPosition',
    [U, H, F, H, S],
  ],
  ...['lastPosition { at }', 'imageUploads { id }', 'utilisation(from: "2030-01-01", to: "2030-01-02") { share }'].map((selection): (typeof EDGES)[number] => [
    `Vehicle.${first(selection)}`,
    () => `{ vehicle(id: "${CAR}") { ${selection} } }`,
    `vehicle.${first(selection)}`,
    [F, F, F, F, S],
  ]),
  ['Vehicle.images', () => `{ vehicle(id: "${CAR}") { images { url } } }`, 'vehicle.images', [S, S, S, S, S]],
  [
    'Vehicle.calendar',
    () => `{ vehicle(id: "${CAR}") { calendar(from: "2030-01-01", to: "2030-01-02") { busyMinutes } } }`,
    'vehicle.calendar',
    [S, S, S, S, S],
  ],
  ['Station.utilisation', () => '{ stations { utilisation(from: "2030-01-01", to: "2030-01-02") { share } } }', 'stations.0.utilisation', [F, F, F, F, S]],
  ['withdrawals', () => '{ withdrawals(first: 1) { nodes { id } } }', 'withdrawals.nodes', [U, F, F, F, S]],
  [
    'Wallet.statement',
    () => wallet('statement(from: "2026-01-01T00:00:00Z", to: "2036-01-01T00:00:00Z") { closingBalance { amount } }'),
    'me.wallet.statement',
    [U, S, S, S, S],
  ],
  ['Wallet.balanceAt', () => wallet('balanceAt(time: "2036-01-01T00:00:00Z") { amount }'), 'me.wallet.balanceAt', [U, S, S, S, S]],
  [
    'rider.wallet.statement',
    () => riderWallet('statement(from: "2026-01-01T00:00:00Z", to: "2036-01-01T00:00:00Z") { from }'),
    'trip.rider.wallet.statement',
    [U, H, S, F, S],
  ],
  ['rider.wallet.balanceAt', () => riderWallet('balanceAt(time: "2036-01-01T00:00:00Z") { amount }'), 'trip.rider.wallet.balanceAt', [U, H, S, F, S]],
  ['Trip.payment.refunds', () => `{ trip(id: "${ids.trip}") { payment { refunds { status } } } }`, 'trip.payment.refunds', [U, H, F, F, S]],
  ['ledgerHealth', () => '{ ledgerHealth { balanced } }', 'ledgerHealth.balanced', [U, F, F, F, S]],
  ['ledgerTransactions', () => '{ ledgerTransactions(first: 1) { nodes { id } } }', 'ledgerTransactions.nodes', [U, F, F, F, S]],
  ['fraudFlags', () => '{ fraudFlags(first: 1) { nodes { id } } }', 'fraudFlags.nodes', [U, F, F, F, S]],
  ['discrepanciesFound', () => '{ discrepanciesFound(first: 1) { nodes { id } } }', 'discrepanciesFound.nodes', [U, F, F, F, S]],
  ['paymentsInReview', () => '{ paymentsInReview(first: 1) { nodes { id } } }', 'paymentsInReview.nodes', [U, F, F, F, S]],
  ['financialReport', () => '{ financialReport(from: "2026-01-01", to: "2026-01-02") { trips } }', 'financialReport', [U, F, F, F, S]],
  ['reportFile', () => '{ reportFile(id: "rpt_01j0000000e00800g000000001") { id } }', 'reportFile.id', [U, F, F, F, H]],
  ['threads', () => '{ threads(first: 1) { nodes { id } } }', 'threads.nodes', [U, F, F, F, S]],
  ['systemHealth', () => '{ systemHealth { violations { kind } } }', 'systemHealth.violations', [U, F, F, F, S]],
  ['nearbyDrivers', () => '{ nearbyDrivers(near: { lat: 30.04, lng: 31.23 }) { distanceM } }', 'nearbyDrivers', [U, S, S, S, S]],
  ['Trip.why', () => `{ trip(id: "${ids.trip}") { why { surge } } }`, 'trip.why.surge', [U, H, S, S, S]],
  ['fareRates', () => '{ fareRates { vehicleType } }', 'fareRates', [U, S, S, S, S]],
  ['surgeMap', () => '{ surgeMap(near: { lat: 30.04, lng: 31.23 }) { surge } }', 'surgeMap', [U, S, S, S, S]],
  ['fareTables', () => '{ fareTables { id } }', 'fareTables', [U, F, F, F, S]],
  ['priceEvents', () => '{ priceEvents { id } }', 'priceEvents', [U, F, F, F, S]],
  ['routingState', () => '{ routingState { breaker } }', 'routingState.breaker', [U, F, F, F, S]],
  // On a trip, so that there is no hint for him.
  ['repositionHint', () => '{ repositionHint { cell } }', 'repositionHint.cell', [U, F, F, H, F]],
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
      `mutation { shareTrip(tripId: "${ids.trip}") { token } }`,
      `mutation { stopSharing(tripId: "${ids.trip}") }`,
      `mutation { blockDriver(tripId: "${ids.trip}") { kind } }`,
      `mutation { favouriteDriver(tripId: "${ids.trip}") { kind } }`,
      'mutation { chooseBid(bidId: "bid_01j0000000e00800g000000001") { id } }',
      `mutation { rateTrip(input: { tripId: "${ids.trip}", stars: 1 }) { id } }`,
      `mutation { quoteDestinationChange(tripId: "${ids.trip}", destination: { lat: 30.1, lng: 31.3 }) { id } }`,
    ];
    for (const query of mutations) expect((await graph.post({ query }, { authorization })).json.errors?.[0]?.extensions.code).toBe('NOT_FOUND');
    for (const field of [
      'acceptOffer(offerId: "x")',
      'startTrip(tripId: "x")',
      'completeTrip(tripId: "x")',
      'approveWithdrawal(id: "x")',
      'retireVehicle(id: "x")',
      'approveDriver(id: "x")',
      'bidOnOffer(input: { offerId: "x", amount: { amount: "1", currency: "EGP" } })',
    ]) {
      expect((await graph.post({ query: `mutation { ${field} { id } }` }, { authorization })).json.errors?.[0]?.extensions.code).toBe('FORBIDDEN');
    }
  });
});

const NOT_THERE = { veh: CAR.replace(/1$/, 'z'), bkg: 'bkg_01j0000000e00800g00000000z', stn: 'stn_01j0000000e00800g00000000z' };
const N = 'NOT_FOUND';
const V = 'VALIDATION_ERROR';
const KEY = 'idempotencyKey: "a key of this test"';
/**
 * Every root field of fleet and booking, asked for what is not there: so whoever passes its rule is told that it is not there, or is shown nothing.
 * Expected for anonymous, stranger, customer, driver, admin.
 */
const ROOTS: Record<string, [operation: string, expected: readonly string[]]> = {
  vehicle: [`{ vehicle(id: "${NOT_THERE.veh}") { id } }`, [H, H, H, H, H]],
  vehicles: ['{ vehicles(first: 1) { nodes { id } } }', [S, S, S, S, S]],
  stations: ['{ stations { id } }', [S, S, S, S, S]],
  imageUpload: [`{ imageUpload(id: "img_01j0000000e00800g00000000z") { id } }`, [U, F, F, F, H]],
  booking: [`{ booking(id: "${NOT_THERE.bkg}") { id } }`, [U, H, H, H, H]],
  bookings: ['{ bookings(first: 1) { nodes { id } } }', [U, F, F, F, S]],
  stationCalendar: [`{ stationCalendar(stationId: "stn_01j0000000e00800h000000001", from: "2030-01-01", to: "2030-01-02") { date } }`, [U, F, F, F, S]],
  vehicleBlocks: [`{ vehicleBlocks(vehicleId: "${CAR}") { id } }`, [U, F, F, F, S]],
  createVehicle: [
    `mutation { createVehicle(input: { make: "A", model: "B", year: 2020, category: SUV, fuelType: PETROL, transmission: MANUAL, seats: 4, plate: "XX 1",
      dailyRate: { amount: "1.00", currency: "EGP" }, stationId: "${NOT_THERE.stn}" }) { id } }`,
    [U, F, F, F, N],
  ],
  updateVehicle: [`mutation { updateVehicle(input: { id: "${NOT_THERE.veh}", version: 1 }) { id } }`, [U, F, F, F, N]],
  retireVehicle: [`mutation { retireVehicle(id: "${NOT_THERE.veh}") { id } }`, [U, F, F, F, N]],
  requestImageUpload: [
    `mutation { requestImageUpload(input: { vehicleId: "${NOT_THERE.veh}", fileName: "a.png", contentType: "image/png", alt: "x" }) { id } }`,
    [U, F, F, F, N],
  ],
  orderVehicleImages: [`mutation { orderVehicleImages(vehicleId: "${NOT_THERE.veh}", imageIds: []) { id } }`, [U, F, F, F, N]],
  deleteVehicleImage: ['mutation { deleteVehicleImage(id: "img_01j0000000e00800g00000000z") { id } }', [U, F, F, F, N]],
  reportVehiclePositions: [
    `mutation { reportVehiclePositions(positions: [{ vehicleId: "${CAR}", point: { lat: 30, lng: 31 }, at: "2026-01-01T00:00:00Z" }]) }`,
    [U, F, F, F, F],
  ],
  quoteRental: [
    `mutation { quoteRental(input: { vehicleId: "${NOT_THERE.veh}", pickupAt: "2040-01-01T10:00:00Z", returnAt: "2040-01-02T10:00:00Z" }) { id } }`,
    [U, N, N, N, N],
  ],
  createBooking: [`mutation { createBooking(input: { quoteId: "qte_01j0000000e00800g00000000z", paymentMethod: WALLET, ${KEY} }) { id } }`, [U, N, N, N, N]],
  cancelBooking: [`mutation { cancelBooking(input: { bookingId: "${NOT_THERE.bkg}" }) { id } }`, [U, N, N, N, N]],
  changeBooking: [
    `mutation { changeBooking(input: { bookingId: "${NOT_THERE.bkg}", quoteId: "qte_01j0000000e00800g00000000z", ${KEY} }) { id } }`,
    [U, N, N, N, N],
  ],
  replaceVehicle: [`mutation { replaceVehicle(input: { bookingId: "${NOT_THERE.bkg}", vehicleId: "${CAR}" }) { id } }`, [U, N, N, N, N]],
  swapVehicles: [
    `mutation { swapVehicles(input: { bookingId: "${NOT_THERE.bkg}", otherBookingId: "${NOT_THERE.bkg.replace(/z$/, 'y')}" }) { id } }`,
    [U, F, F, F, N],
  ],
  startRental: [`mutation { startRental(input: { bookingId: "${NOT_THERE.bkg}", odometerKm: 1, fuelPercent: 1 }) { id } }`, [U, F, F, F, N]],
  returnRental: [`mutation { returnRental(input: { bookingId: "${NOT_THERE.bkg}", odometerKm: 1, fuelPercent: 1 }) { id } }`, [U, F, F, F, N]],
  expectLateReturn: [`mutation { expectLateReturn(input: { bookingId: "${NOT_THERE.bkg}", expectedAt: "2040-01-01T10:00:00Z" }) { id } }`, [U, F, F, F, N]],
  blockVehicle: [
    `mutation { blockVehicle(input: { vehicleId: "${NOT_THERE.veh}", from: "2040-01-01T10:00:00Z", to: "2040-01-02T10:00:00Z", reason: "x" }) { id } }`,
    [U, F, F, F, N],
  ],
  unblockVehicle: ['mutation { unblockVehicle(id: "blk_01j0000000e00800g00000000z") { id } }', [U, F, F, F, N]],
  savePromotion: [
    'mutation { savePromotion(input: { code: "!", percent: 10, validFrom: "2040-01-01T10:00:00Z", validTo: "2040-01-02T10:00:00Z" }) { code } }',
    [U, F, F, F, V],
  ],
  requestRentalPhoto: [
    `mutation { requestRentalPhoto(input: { bookingId: "${NOT_THERE.bkg}", moment: PICKUP, fileName: "a.png", contentType: "image/png" }) { id } }`,
    [U, F, F, F, N],
  ],
};

describe('ID-07: every root field of fleet and booking, by who asks', () => {
  test.each(Object.entries(ROOTS))('%s', async (name, [query, expected]) => {
    const seen = await Promise.all(WHO.map((who) => see(who, query, name)));
    expect(Object.fromEntries(WHO.map((who, index) => [who, seen[index]]))).toEqual(Object.fromEntries(WHO.map((who, index) => [who, expected[index]])));
  });

  test('none is left out', () => {
    const rules = [fleetPermissions, bookingPermissions] as unknown as Record<'Query' | 'Mutation', object>[];
    const names = rules.flatMap(({ Query, Mutation }) => [...Object.keys(Query), ...Object.keys(Mutation)]);
    expect(Object.keys(ROOTS).sort()).toEqual(names.sort());
  });
});
