import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually, startTestSubgraph, type TestSubgraph, tally, user } from '../../test/subgraphHarness.js';
import { startPaymentsLedger } from './main.js';
import { given, type Person, servedBy } from './payments.given.js';

let t: TestSubgraph;
let g: ReturnType<typeof given>;
const admin = user('ADMIN');
beforeAll(async () => {
  const served = servedBy(startPaymentsLedger);
  t = await startTestSubgraph('payments-ledger', served.start, { env: served.env });
  g = given(t);
});
afterAll(() => t[Symbol.asyncDispose]());

interface WithdrawalAnswer {
  id: string;
  status: string;
  reason: string | null;
  accountEnding: string;
  user: { id: string };
}
const FIELDS = 'id status method reason accountEnding requestedAt amount { amount } user { id }';
const REQUEST = `mutation($input: RequestWithdrawalInput!) { requestWithdrawal(input: $input) { ${FIELDS} } }`;
const APPROVE = `mutation($id: ID!) { approveWithdrawal(id: $id) { ${FIELDS} } }`;
const REJECT = `mutation($id: ID!, $reason: String!) { rejectWithdrawal(id: $id, reason: $reason) { ${FIELDS} } }`;
const LIST = `query($status: WithdrawalStatus, $first: Int, $after: String) { withdrawals(status: $status, first: $first, after: $after) {
  totalCount nodes { ${FIELDS} } pageInfo { hasNextPage endCursor } } }`;

const ask = (driver: Person, amount: string, more: Record<string, unknown> = {}) =>
  t.run<{ requestWithdrawal: WithdrawalAnswer }>(driver, REQUEST, {
    input: {
      amount: { amount, currency: 'EGP' },
      method: 'BANK',
      accountNumber: 'EG38 0019 0005 0000 0000 2631 8000 2',
      idempotencyKey: randomUUID(),
      ...more,
    },
  });
const approve = (id: string, by: Person = admin) => t.run<{ approveWithdrawal: WithdrawalAnswer }>(by, APPROVE, { id });
const reject = (id: string, reason = 'the name does not fit', by: Person = admin) => t.run<{ rejectWithdrawal: WithdrawalAnswer }>(by, REJECT, { id, reason });
const statusOf = async (id: string) =>
  (await t.run<{ withdrawal: WithdrawalAnswer | null }>(admin, `query($id: ID!) { withdrawal(id: $id) { ${FIELDS} } }`, { id })).data.withdrawal?.status;
const wallet = async (person: Person) => {
  const found = await g.wallet(person, person.id);
  return [found?.balance.amount, found?.available.amount];
};
const newDriver = (amount: string | null) => g.withMoney(user('DRIVER'), amount, 'driver');

test('PL-13: a withdrawal is held at once, approved, and paid', async () => {
  const driver = await newDriver('500.00');
  const { data, errors } = await ask(driver, '120.00');
  expect(errors).toEqual([]);
  expect(data.requestWithdrawal).toMatchObject({ status: 'REQUESTED', accountEnding: '0002' });
  expect(await wallet(driver)).toEqual(['500.00', '380.00']);
  const { id } = data.requestWithdrawal;
  expect((await approve(id)).data.approveWithdrawal.status).toBe('APPROVED');
  await eventually(async () => (await statusOf(id)) === 'PAID', 'the payout');
  expect(await wallet(driver)).toEqual(['380.00', '380.00']);
  const events = await t.owner`select type, payload from events where aggregate_type = 'withdrawal' and payload ->> 'userId' = ${driver.id} order by position`;
  expect(events.map((event) => event.type)).toEqual(['withdrawal.requested', 'withdrawal.approved', 'withdrawal.paid']);
  expect(JSON.stringify(events)).not.toContain('2631');
  // Again by the same admin: as it is by now.
  expect((await approve(id)).data.approveWithdrawal.status).toBe('PAID');
});

test('PL-13: a rejected withdrawal keeps its reason, and the money is back', async () => {
  const driver = await newDriver('90.00');
  const { id } = (await ask(driver, '90.00')).data.requestWithdrawal;
  expect(await wallet(driver)).toEqual(['90.00', '0.00']);
  expect((await reject(id, ' ')).codes).toEqual(['VALIDATION_ERROR']);
  expect((await reject(id)).data.rejectWithdrawal).toMatchObject({ status: 'REJECTED', reason: 'the name does not fit' });
  expect(await wallet(driver)).toEqual(['90.00', '90.00']);
  expect((await reject(id)).data.rejectWithdrawal.status).toBe('REJECTED');
  expect((await approve(id)).codes).toEqual(['CONFLICT']);
  expect(await wallet(driver)).toEqual(['90.00', '90.00']);
});

test('PL-13: a payout that the bank refuses returns the hold', async () => {
  const driver = await newDriver('90.00');
  const { id } = (await ask(driver, '50.00', { method: 'MOBILE_WALLET', accountNumber: '+201000000000' })).data.requestWithdrawal;
  await approve(id);
  await eventually(async () => (await statusOf(id)) === 'FAILED', 'the failure');
  expect(await wallet(driver)).toEqual(['90.00', '90.00']);
  expect((await t.emitted<{ userId: string }>('withdrawal.failed')).map((event) => event.userId)).toContain(driver.id);
});

test('PL-13: two admins at once: one wins, the other gets CONFLICT, and it is paid once', async () => {
  for (const second of [approve, (id: string, by: Person) => reject(id, 'no', by)] as const) {
    const driver = await newDriver('100.00');
    const { id } = (await ask(driver, '60.00')).data.requestWithdrawal;
    const answers = await Promise.all([approve(id, user('ADMIN')), second(id, user('ADMIN'))]);
    expect(tally(answers.map((answer) => answer.codes[0] ?? 'OK'))).toEqual({ OK: 1, CONFLICT: 1 });
    await eventually(async () => ['PAID', 'REJECTED'].includes((await statusOf(id)) ?? ''), 'the end');
    const paid = (await statusOf(id)) === 'PAID';
    expect(await wallet(driver)).toEqual(paid ? ['40.00', '40.00'] : ['100.00', '100.00']);
  }
});

test('PL-13: ten withdrawals of one balance at once: the balance goes out once', async () => {
  const driver = await newDriver('100.00');
  const answers = await Promise.all(Array.from({ length: 10 }, () => ask(driver, '100.00')));
  expect(tally(answers.map((answer) => answer.codes[0] ?? 'OK'))).toEqual({ OK: 1, INSUFFICIENT_FUNDS: 9 });
  expect(await wallet(driver)).toEqual(['100.00', '0.00']);
});

test('PL-04: the same key is the same withdrawal', async () => {
  const driver = await newDriver('100.00');
  const idempotencyKey = randomUUID();
  const answers = await Promise.all(Array.from({ length: 10 }, () => ask(driver, '30.00', { idempotencyKey })));
  expect(new Set(answers.map((answer) => answer.data.requestWithdrawal.id)).size).toBe(1);
  expect(await wallet(driver)).toEqual(['100.00', '70.00']);
  expect((await ask(driver, '31.00', { idempotencyKey })).codes).toEqual(['IDEMPOTENCY_KEY_REUSED']);
});

test("PL-02: a driver's credit is for commission, not for withdrawals", async () => {
  const driver = await newDriver(null);
  expect((await ask(driver, '0.01')).codes).toEqual(['INSUFFICIENT_FUNDS']);
  const unknown = user('DRIVER');
  expect((await ask(unknown, '1.00')).codes).toEqual(['INSUFFICIENT_FUNDS']);
});

test('bad input and wrong people are refused', async () => {
  const driver = await newDriver('100.00');
  expect((await ask(driver, '-1.00')).codes).toEqual(['VALIDATION_ERROR']);
  expect((await ask(driver, '1.001')).codes).toEqual(['VALIDATION_ERROR']);
  const account = await ask(driver, '1.00', { accountNumber: '<script>' });
  expect(account.errors[0]?.extensions.details).toMatchObject({ field: 'input.accountNumber' });
  expect((await ask(user('CUSTOMER'), '1.00')).codes).toEqual(['FORBIDDEN']);
  const { id } = (await ask(driver, '1.00')).data.requestWithdrawal;
  for (const attempt of [approve(id, driver), reject(id, 'no', driver), t.run(driver, LIST)]) expect((await attempt).codes).toEqual(['FORBIDDEN']);
  for (const unknown of ['wdr_01h455vb4pex5vsknk084sn02q', 'nonsense', id.replace('wdr', 'dep')]) {
    expect((await approve(unknown)).codes).toEqual(['NOT_FOUND']);
    expect((await reject(unknown)).codes).toEqual(['NOT_FOUND']);
  }
});

test('the list of withdrawals pages by status without skipping or repeating', async () => {
  const driver = await newDriver('100.00');
  const made: string[] = [];
  for (let i = 0; i < 5; i += 1) made.unshift((await ask(driver, '1.00')).data.requestWithdrawal.id);
  const seen: string[] = [];
  let after: string | null = null;
  interface Page {
    withdrawals: { totalCount: number; nodes: WithdrawalAnswer[]; pageInfo: { hasNextPage: boolean; endCursor: string } };
  }
  do {
    const { data }: { data: Page } = await t.run<Page>(admin, LIST, { status: 'REQUESTED', first: 2, after });
    seen.push(...data.withdrawals.nodes.map((node) => node.id));
    expect(data.withdrawals.nodes.every((node) => node.status === 'REQUESTED')).toBe(true);
    after = data.withdrawals.pageInfo.hasNextPage ? data.withdrawals.pageInfo.endCursor : null;
  } while (after);
  expect(seen.slice(0, 5)).toEqual(made);
  expect(new Set(seen).size).toBe(seen.length);
  const forged = Buffer.from(JSON.stringify(['WITHDRAWALS', "' or 1=1"])).toString('base64url');
  expect((await t.run(admin, LIST, { after: forged })).codes).toEqual(['VALIDATION_ERROR']);
  expect((await t.run(admin, LIST, { first: 101 })).codes).toEqual(['VALIDATION_ERROR']);
});
