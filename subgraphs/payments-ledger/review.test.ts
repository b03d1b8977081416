import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { newUuid, publicId } from '../../platform/ids.js';
import { eventually, startTestSubgraph, type TestSubgraph, tally, user } from '../../test/subgraphHarness.js';
import { startPaymentsLedger } from './main.js';
import { type DepositAnswer, given, type Person, servedBy } from './payments.given.js';

let t: TestSubgraph;
let g: ReturnType<typeof given>;
const admin = user('ADMIN');
beforeAll(async () => {
  const served = servedBy(startPaymentsLedger);
  t = await startTestSubgraph('payments-ledger', served.start, { env: served.env });
  g = given(t);
});
afterAll(() => t[Symbol.asyncDispose]());

interface Review {
  id: string;
  reason: string;
  orderId: string;
  amount: { amount: string } | null;
  resolution: string | null;
  note: string | null;
}
const FIELDS = 'id reason adapter orderId amount { amount currency } resolution note resolvedAt';
const LIST = `query($resolved: Boolean, $first: Int, $after: String) { paymentsInReview(resolved: $resolved, first: $first, after: $after) {
  totalCount nodes { ${FIELDS} } pageInfo { hasNextPage endCursor } } }`;
const waiting = async (orderId: string) =>
  (await t.run<{ paymentsInReview: { nodes: Review[] } }>(admin, LIST, { resolved: false, first: 100 })).data.paymentsInReview.nodes.filter(
    (node) => node.orderId === orderId,
  );
const resolve = (input: Record<string, unknown>, by: Person = admin) =>
  t.run<{ resolvePaymentInReview: Review }>(by, `mutation($input: ResolvePaymentInReviewInput!) { resolvePaymentInReview(input: $input) { ${FIELDS} } }`, {
    input: { note: 'as the bank says', ...input },
  });
const outcomeOf = async (deposit: DepositAnswer, more: Record<string, unknown> = {}) =>
  ((await (await g.webhook(g.paid(deposit, more))).json()) as { outcome: string }).outcome;
const balance = async (person: Person) => (await g.wallet(person, person.id))?.balance.amount;
const deposit = async (person: Person, id: string) =>
  (
    await t.run<{ deposit: { status: string; amount: { amount: string } } }>(person, 'query($id: ID!) { deposit(id: $id) { status amount { amount } } }', {
      id,
    })
  ).data.deposit;

test('PL-10: a deposit that was flagged is credited by the right word that comes later, once', async () => {
  const person = await g.withMoney(user('CUSTOMER'), null);
  const begun = await g.initiate(person, '20.00');
  expect(await outcomeOf(begun, { amount: '2.00' })).toBe('FLAGGED');
  expect(await balance(person)).toBe('0.00');
  expect(await Promise.all([outcomeOf(begun), outcomeOf(begun)]).then((all) => all.sort())).toEqual(['CREDITED', 'NOTHING_TO_DO']);
  expect(await balance(person)).toBe('20.00');
  expect(await deposit(person, begun.id)).toEqual({ status: 'COMPLETED', amount: { amount: '20.00' } });
});

test('PL-10: an admin credits what was paid of a flagged deposit, once, with a reason; the deposit is then of that amount', async () => {
  const person = await g.withMoney(user('CUSTOMER'), null);
  const begun = await g.initiate(person, '20.00');
  await outcomeOf(begun, { amount: '15.50' });
  const [review] = await waiting(begun.id);
  expect(review).toMatchObject({ reason: 'FLAGGED', amount: { amount: '15.50' }, resolution: null, note: null });
  const id = review?.id ?? '';
  expect((await resolve({ id, decision: 'CREDIT', note: ' ' })).codes).toEqual(['VALIDATION_ERROR']);
  for (const other of [person, user('SUPPORT')]) expect((await resolve({ id, decision: 'CREDIT' }, other)).codes).toEqual(['FORBIDDEN']);
  expect((await t.run(person, LIST)).codes).toEqual(['FORBIDDEN']);
  const admins = [user('ADMIN'), user('ADMIN'), user('ADMIN')];
  const answers = await Promise.all(admins.map((by) => resolve({ id, decision: 'CREDIT' }, by)));
  expect(tally(answers.map(({ codes }) => codes[0] ?? 'OK'))).toEqual({ OK: 1, CONFLICT: 2 });
  const first = admins[answers.findIndex(({ codes }) => codes.length === 0)] ?? admin;
  expect((await resolve({ id, decision: 'CREDIT' }, first)).data.resolvePaymentInReview).toMatchObject({ resolution: 'CREDITED', note: 'as the bank says' });
  expect((await resolve({ id, decision: 'DISMISS' }, first)).codes).toEqual(['CONFLICT']);
  expect(await balance(person)).toBe('15.50');
  expect(await deposit(person, begun.id)).toEqual({ status: 'COMPLETED', amount: { amount: '15.50' } });
  expect(await waiting(begun.id)).toEqual([]);
});

test('PL-10: a dismissed one is over, and the right word still credits; a currency that no wallet holds can only be dismissed', async () => {
  const person = await g.withMoney(user('CUSTOMER'), null);
  const begun = await g.initiate(person, '20.00');
  await outcomeOf(begun, { currency: 'USD' });
  const id = (await waiting(begun.id))[0]?.id ?? '';
  expect((await resolve({ id, decision: 'CREDIT' })).codes).toEqual(['VALIDATION_ERROR']);
  expect((await resolve({ id, decision: 'DISMISS' })).data.resolvePaymentInReview.resolution).toBe('DISMISSED');
  expect((await deposit(person, begun.id)).status).toBe('DECLINED');
  expect(await outcomeOf(begun)).toBe('CREDITED');
  expect(await balance(person)).toBe('20.00');
});

test('PL-10: money for an order that is not ours goes to whom an admin names, and reconciliation is content then', async () => {
  const person = await g.withMoney(user('CUSTOMER'), null);
  const orderId = publicId('dep', newUuid(new Date(Date.now() - 3_600_000)));
  const message = { id: randomUUID(), type: 'payment.paid', orderId, amount: '7.25', currency: 'EGP' };
  expect((await g.webhook(message)).status).toBe(200);
  const found = async () => {
    const query = 'mutation { runReconciliation { discrepancies { kind reference } } }';
    const { data } = await t.run<{ runReconciliation: { discrepancies: { kind: string; reference: string }[] } }>(admin, query);
    return data.runReconciliation.discrepancies.filter(({ reference }) => reference === `sandbox:${message.id}`).length;
  };
  expect(await found()).toBe(1);
  const [review] = await waiting(orderId);
  expect(review).toMatchObject({ reason: 'UNKNOWN_ORDER', amount: { amount: '7.25' } });
  const id = review?.id ?? '';
  expect((await resolve({ id, decision: 'CREDIT' })).errors[0]?.extensions.details).toMatchObject({ field: 'input.userId', rule: 'required' });
  expect((await resolve({ id, decision: 'CREDIT', userId: publicId('usr', randomUUID()) })).codes).toEqual(['NOT_FOUND']);
  expect((await resolve({ id, decision: 'CREDIT', userId: publicId('usr', person.id) })).codes).toEqual([]);
  expect(await balance(person)).toBe('7.25');
  expect(await found()).toBe(0);
  expect((await resolve({ id: 'whk_nonsense', decision: 'DISMISS' })).codes).toEqual(['NOT_FOUND']);
  const pages: string[] = [];
  for (let after: string | null = null; ; ) {
    const { data }: { data: { paymentsInReview: { nodes: Review[]; totalCount: number; pageInfo: { hasNextPage: boolean; endCursor: string } } } } =
      await t.run(admin, LIST, { first: 1, after });
    pages.push(...data.paymentsInReview.nodes.map((node) => node.id));
    if (!data.paymentsInReview.pageInfo.hasNextPage) {
      expect(new Set(pages).size).toBe(data.paymentsInReview.totalCount);
      break;
    }
    after = data.paymentsInReview.pageInfo.endCursor;
  }
});

test('PL-11: a refund that the card company refuses stays, with its reason, for admins to see; a later one that works ends it', async () => {
  const rider = user('CUSTOMER');
  const driver = await g.withMoney(user('DRIVER'), null, 'driver');
  const tripId = await g.completedTrip(rider, driver, 50_00, { paymentMethod: 'CARD', paymentToken: 'tok_ok' });
  await eventually(async () => (await g.payment(rider, 'Trip', tripId))?.status === 'CAPTURED', 'the capture');
  const paymentId = (await g.payment(rider, 'Trip', tripId))?.id ?? '';
  // The card company has lost the charge.
  await t.owner`update sandbox_charges set status = 'VOIDED' where order_id = ${paymentId}`;
  const refund = () =>
    t.run(admin, 'mutation($i: RefundPaymentInput!) { refundPayment(input: $i) { id } }', {
      i: { paymentId, amount: { amount: '10.00', currency: 'EGP' }, reason: 'a wet seat', idempotencyKey: randomUUID() },
    });
  expect((await refund()).codes).toEqual([]);
  const query = `query($r: [_Any!]!) { _entities(representations: $r) { ... on Payment { refunds { status problem amount { amount } } } } }`;
  const refunds = async (by: Person) => {
    const answer = await t.run<{ _entities: ({ refunds: object[] | null } | null)[] }>(by, query, { r: [{ __typename: 'Payment', ref: paymentId }] });
    return answer.codes.length > 0 ? answer.codes : answer.data._entities[0]?.refunds;
  };
  const amount = { amount: '10.00' };
  await eventually(async () => JSON.stringify(await refunds(admin)).includes('REFUSED'), 'the refusal');
  expect(await refunds(admin)).toEqual([{ status: 'REFUSED', problem: 'ORDER_VOIDED', amount }]);
  expect(await refunds(rider)).toEqual(['FORBIDDEN']);
  const violations = async () => {
    const { data } = await t.run<{ ledgerHealth: { violations: { kind: string; reference: string }[] } }>(
      admin,
      '{ ledgerHealth { violations { kind reference } } }',
    );
    return data.ledgerHealth.violations.filter(({ reference }) => reference === paymentId).map(({ kind }) => kind);
  };
  expect(await violations()).toEqual(['REFUND_REFUSED']);
  await t.owner`update sandbox_charges set status = 'CAPTURED' where order_id = ${paymentId}`;
  expect((await refund()).codes).toEqual([]);
  await eventually(async () => (await violations()).length === 0, 'a refund that works');
  expect(await refunds(admin)).toEqual([
    { status: 'DONE', problem: null, amount },
    { status: 'REFUSED', problem: 'ORDER_VOIDED', amount },
  ]);
});

test('PL-12: an admin lets a rider off a debt, once: nobody owes anything, the driver keeps the earnings, the company bears it', async () => {
  const rider = await g.withMoney(user('CUSTOMER'), null);
  const driver = await g.withMoney(user('DRIVER'), null, 'driver');
  const tripId = await g.completedTrip(rider, driver, 40_00);
  const paymentId = (await g.payment(rider, 'Trip', tripId))?.id ?? '';
  const waive = (by: Person, reason = 'the wrong way') =>
    t.run<{ waiveDebt: { status: string; owed: { amount: string } } }>(
      by,
      'mutation($i: WaiveDebtInput!) { waiveDebt(input: $i) { status owed { amount } } }',
      { i: { paymentId, reason } },
    );
  expect((await waive(rider)).codes).toEqual(['FORBIDDEN']);
  expect((await waive(admin, '')).codes).toEqual(['VALIDATION_ERROR']);
  const answers = await Promise.all([waive(admin), waive(admin), waive(admin)]);
  expect(tally(answers.map(({ codes }) => codes[0] ?? 'OK'))).toEqual({ OK: 1, NOTHING_OWED: 2 });
  expect(answers.find(({ codes }) => codes.length === 0)?.data.waiveDebt).toEqual({ status: 'REFUNDED', owed: { amount: '0.00' } });
  expect(await balance(driver)).toBe('34.00');
  expect((await t.owner`select balance_minor::int as minor from accounts where type = 'RECEIVABLE' and owner_id = ${rider.id}`)[0]?.minor).toBe(0);
  const reason = await t.owner`select metadata ->> 'reason' as reason from transactions where reference_id = ${tripId} and kind = 'REFUND'`;
  expect(reason.map((row) => row.reason)).toEqual(['the wrong way']);
  const told = await t.owner`select type from events where payload ->> 'subjectId' = ${tripId} order by position`;
  expect(told.at(-1)?.type).toBe('payment.voided');
});
