import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestSubgraph, TEST_SECRET, type TestSubgraph, user } from '../../test/subgraphHarness.js';
import { openDesk } from './desk.given.js';
import { brokenInvariants } from './invariants.js';
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

const deleted = (person: Person) => t.deliver('identity', 'user.deleted', person.id, { userId: person.id });
const open = async (person: Person) =>
  (await t.owner`select 1 from accounts where owner_id = ${person.id} and type like '%WALLET' and closed_at is null`).length;

test('ID-04: an empty wallet closes with its account; one with money in it, set aside or owed is kept, with its entries', async () => {
  const [empty, rich, holding, owing] = [user('CUSTOMER'), user('CUSTOMER'), user('CUSTOMER'), user('CUSTOMER')];
  await g.withMoney(empty, null);
  await g.withMoney(rich, '20.00');
  await g.withMoney(holding, '20.00');
  await g.heldBooking(holding, 20_00);
  await g.withMoney(owing, null);
  await g.completedTrip(owing, await g.withMoney(user('DRIVER'), null, 'driver'), 10_00);
  for (const person of [empty, rich, holding, owing]) {
    await deleted(person);
    await deleted(person);
  }
  expect(await open(empty)).toBe(0);
  expect(await g.wallet(user('ADMIN'), empty.id)).toBeNull();
  for (const person of [rich, holding, owing]) expect(await open(person)).toBe(1);
  expect(await g.wallet(user('ADMIN'), rich.id)).toMatchObject({ balance: { amount: '20.00' } });
});

test('ID-04: what comes to a closed wallet late is not lost', async () => {
  const person = await g.withMoney(user('CUSTOMER'), '50.00');
  const booking = await g.heldBooking(person, 50_00);
  await g.booking('booking.confirmed', booking, { totalMinor: '5000' });
  await deleted(person);
  expect(await open(person)).toBe(0);
  await g.booking('booking.cancelled', booking, { feeMinor: '1000' });
  expect(await g.wallet(user('ADMIN'), person.id)).toMatchObject({ balance: { amount: '40.00' } });
  expect(await desk.run((tx) => brokenInvariants(tx, true))).toEqual([]);
  expect((await verifyLedger(t.owner)).damage).toEqual([]);
});
