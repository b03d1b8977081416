import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { publicId } from '../../platform/ids.js';
import { startTestSubgraph, TEST_SECRET, type TestSubgraph, tally, user } from '../../test/subgraphHarness.js';
import { openDesk } from './desk.given.js';
import { brokenInvariants } from './invariants.js';
import { accountIdOf, ownedAccount } from './ledger.js';
import { verifyLedger } from './ledgerVerification.js';
import { startPaymentsLedger } from './main.js';
import { given, type Person, servedBy } from './payments.given.js';

let t: TestSubgraph;
let g: ReturnType<typeof given>;
let desk: ReturnType<typeof openDesk>;
beforeAll(async () => {
  const served = servedBy(startPaymentsLedger);
  t = await startTestSubgraph('payments-ledger', served.start, { env: served.env });
  g = given(t);
  desk = openDesk(t.environment, TEST_SECRET);
});
afterAll(async () => {
  await desk.db.close();
  await t[Symbol.asyncDispose]();
});

const admin = user('ADMIN');
const egp = (amount: string, currency = 'EGP') => ({ amount, currency });
const WALLET = 'id balance { amount } available { amount } creditLimit { amount }';
interface PartnerWallet {
  balance: { amount: string };
  available: { amount: string };
  creditLimit: { amount: string };
}
const open = (partner: Person, credit: string | null, by: Person = admin, currency = 'EGP') =>
  t.run<{ openPartnerWallet: PartnerWallet }>(by, `mutation($i: OpenPartnerWalletInput!) { openPartnerWallet(input: $i) { ${WALLET} } }`, {
    i: { partnerId: publicId('usr', partner.id), creditLimit: credit && egp(credit, currency) },
  });
const fund = (partner: Person, amount: string, key: string = randomUUID(), by: Person = admin, currency = 'EGP') =>
  t.run<{ fundPartnerWallet: PartnerWallet }>(by, `mutation($i: FundPartnerWalletInput!) { fundPartnerWallet(input: $i) { ${WALLET} } }`, {
    i: { partnerId: publicId('usr', partner.id), amount: egp(amount, currency), reason: 'Transfer 4711', idempotencyKey: key },
  });
const status = async (partner: Person, id: string) => (await g.payment(partner, 'Booking', id))?.status;

test('ID-05b: a prepaid partner pays bookings and trips of its guests from its own wallet, and never more than it holds', async () => {
  const partner = await g.withMoney(user('PARTNER'), null);
  expect((await open(partner, null)).data.openPartnerWallet).toMatchObject({ balance: { amount: '0.00' }, creditLimit: { amount: '0.00' } });
  const key = randomUUID();
  for (let n = 0; n < 2; n += 1) expect((await fund(partner, '100.00', key)).data.fundPartnerWallet.balance.amount).toBe('100.00');
  const booking = await g.heldBooking(partner, 60_00);
  await g.booking('booking.confirmed', booking, { totalMinor: '6000' });
  const driver = await g.withMoney(user('DRIVER'), null, 'driver');
  await g.completedTrip(partner, driver, 30_00);
  expect(await g.wallet(partner, partner.id)).toMatchObject({ balance: { amount: '10.00' } });
  expect(await status(partner, await g.heldBooking(partner, 10_01))).toBe('DECLINED');
  await g.booking('booking.cancelled', booking, { feeMinor: '0' });
  expect(await g.wallet(partner, partner.id)).toMatchObject({ balance: { amount: '70.00' } });
  const types = await t.owner`select type, closed_at is null as open from accounts where owner_id = ${partner.id} and type like '%WALLET' order by type`;
  expect(types).toEqual([
    { type: 'CUSTOMER_WALLET', open: false },
    { type: 'PARTNER_WALLET', open: true },
  ]);
});

test('ID-05b: credit is used to its limit by bookings at once, held by the database, and lowered only to what is used', async () => {
  const partner = await g.withMoney(user('PARTNER'), '20.00');
  expect((await open(partner, '80.00')).data.openPartnerWallet).toMatchObject({ balance: { amount: '20.00' }, creditLimit: { amount: '80.00' } });
  const bookings = await Promise.all(Array.from({ length: 10 }, () => g.heldBooking(partner, 25_00)));
  expect(tally(await Promise.all(bookings.map(async (id) => (await status(partner, id)) ?? '')))).toEqual({ AUTHORISED: 4, DECLINED: 6 });
  expect(await g.wallet(partner, partner.id)).toMatchObject({ available: { amount: '-80.00' }, balance: { amount: '20.00' } });
  expect((await open(partner, '79.99')).codes).toEqual(['CREDIT_IN_USE']);
  expect((await open(partner, '100.00')).data.openPartnerWallet.creditLimit.amount).toBe('100.00');
  const wallet = accountIdOf(ownedAccount('PARTNER_WALLET', partner.id, 'EGP'));
  await expect(t.owner`update accounts set balance_minor = -10001 where id = ${wallet}`).rejects.toMatchObject({ constraint_name: 'accounts_min_balance' });
  await expect(t.asService`update accounts set min_balance_minor = -999999 where id = ${wallet}`).rejects.toMatchObject({ code: '42501' });
  const asPartner = t.asService.begin(async (sql) => {
    await sql`select set_config('waygraph.actor_id', ${partner.id}, true), set_config('waygraph.actor_roles', 'PARTNER', true)`;
    await sql`select ledger_set_partner_credit(${wallet}, 999999)`;
  });
  await expect(asPartner).rejects.toMatchObject({ code: '42501' });
});

test('ID-05b: only admins open and fund; its wallet is seen by the partner and admins; bad input is refused', async () => {
  const [partner, other, driver] = [user('PARTNER'), user('PARTNER'), await g.withMoney(user('DRIVER'), null, 'driver')];
  for (const by of [partner, other, user('SUPPORT')]) {
    expect((await open(partner, '1000.00', by)).codes).toEqual(['FORBIDDEN']);
    expect((await fund(partner, '1.00', randomUUID(), by)).codes).toEqual(['FORBIDDEN']);
  }
  expect((await fund(partner, '1.00')).codes).toEqual(['NO_PARTNER_WALLET']);
  expect((await open(driver, '5.00')).codes).toEqual(['CONFLICT']);
  expect((await open(partner, '-5.00')).codes).toEqual(['VALIDATION_ERROR']);
  expect((await open(partner, '5.00', admin, 'USD')).codes).toEqual(['VALIDATION_ERROR']);
  await open(partner, '5.00');
  expect((await fund(partner, '1.00', randomUUID(), admin, 'USD')).codes).toEqual(['VALIDATION_ERROR']);
  expect((await fund(partner, '0.00')).codes).toEqual(['VALIDATION_ERROR']);
  expect(await g.wallet(partner, partner.id)).toMatchObject({ balance: { amount: '0.00' } });
  expect(await g.wallet(other, partner.id)).toBeNull();
});

test('PL-03: the books hold after all of this', async () => {
  expect(await desk.run((tx) => brokenInvariants(tx, true))).toEqual([]);
  expect((await verifyLedger(t.owner)).damage).toEqual([]);
});
