import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestSubgraph, TEST_SECRET, type TestSubgraph, user } from '../../test/subgraphHarness.js';
import { openDesk, transfer, walletOf } from './desk.given.js';
import { paymentCompleted, paymentInitiated, walletCredited, walletDebited } from './events.js';
import { ownedAccount } from './ledger.js';
import { postBatch } from './ledgerCommands.js';
import { startPaymentsLedger } from './main.js';
import { given, servedBy } from './payments.given.js';

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

const walletEvents = async (ownerId: string) =>
  t.owner`select type, sequence, payload from events where aggregate_type = 'wallet' and payload ->> 'ownerId' = ${ownerId} order by sequence`;

test('PL-23: every entry of a wallet has its event, numbered as the entry is, with facts and no names; what a posting alone and a batch write is alike', async () => {
  const [one, other] = [randomUUID(), randomUUID()];
  await desk.fund(one, 100n, randomUUID());
  await desk.run((tx) =>
    postBatch(tx, [
      transfer(randomUUID(), walletOf(one), walletOf(other), 30n),
      transfer(randomUUID(), walletOf(other), ownedAccount('HELD_FUNDS', other, 'EGP'), 10n),
    ]),
  );
  await desk.run((tx) => postBatch(tx, [transfer(randomUUID(), walletOf(one), walletOf(other), 70n)]));
  const told = [...(await walletEvents(one)), ...(await walletEvents(other))];
  expect(told.map(({ type, sequence, payload }) => [type, sequence, payload.amountMinor, payload.balanceMinor])).toEqual([
    ['wallet.credited', 1, '100', '100'],
    ['wallet.debited', 2, '30', '70'],
    ['wallet.debited', 3, '70', '0'],
    ['wallet.credited', 1, '30', '30'],
    ['wallet.debited', 2, '10', '20'],
    ['wallet.credited', 3, '70', '90'],
  ]);
  for (const { type, payload } of told) (type === 'wallet.credited' ? walletCredited : walletDebited).payload.parse(payload);
  const [missing] = await t.owner`select count(*)::int as n from entries e join accounts a on a.id = e.account_id left join events v
    on v.aggregate_type = 'wallet' and v.aggregate_id = e.account_id and v.sequence = e.number and v.payload ->> 'transactionId' = e.transaction_id::text
    where a.type like '%WALLET' and v.id is null`;
  expect(missing?.n).toBe(0);
});

test('PL-23: a payment is told of when it begins and when it is done, each once', async () => {
  const rider = await g.withMoney(user('CUSTOMER'), '100.00');
  const driver = await g.withMoney(user('DRIVER'), null, 'driver');
  const trip = await g.completedTrip(rider, driver, 40_00);
  await g.completeTrip(trip, rider, driver, 40_00);
  const of = async (type: string) => (await t.emitted<{ subjectId: string; amountMinor: string }>(type)).filter(({ subjectId }) => subjectId === trip);
  for (const declared of [paymentInitiated, paymentCompleted]) {
    const told = await of(declared.type);
    expect(told).toMatchObject([{ amountMinor: '4000' }]);
    declared.payload.parse(told[0]);
  }
  expect(
    (
      await t.owner`select 1 from deliveries d join events e on e.id = d.event_id where e.type like 'wallet.%' or e.type like 'payment.%ed' and e.type in
    ('payment.initiated', 'payment.completed')`
    ).length,
  ).toBe(0);
});
