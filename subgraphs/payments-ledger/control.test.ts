import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { publicId } from '../../platform/ids.js';
import { eventually, startTestSubgraph, TEST_SECRET, type TestSubgraph, user } from '../../test/subgraphHarness.js';
import { openDesk } from './desk.given.js';
import { suspicions } from './fraud.js';
import { startPaymentsLedger } from './main.js';
import { given, type Person, servedBy } from './payments.given.js';

let t: TestSubgraph;
let g: ReturnType<typeof given>;
let desk: ReturnType<typeof openDesk>;
const [admin, colleague] = [user('ADMIN'), user('ADMIN')];
beforeAll(async () => {
  const served = servedBy(startPaymentsLedger);
  t = await startTestSubgraph('payments-ledger', served.start, { env: served.env });
  g = given(t);
  desk = openDesk(t.environment, TEST_SECRET);
});
// Around noon in Cairo, each test later than the one before: all on one day.
const time = new Date();
time.setUTCHours(9, 0, 0, 0);
beforeEach(() => {
  time.setUTCMinutes(time.getUTCMinutes() + 10);
  t.setClock(time);
});
afterAll(async () => {
  await desk.db.close();
  await t[Symbol.asyncDispose]();
});

interface Found {
  id: string;
  kind: string;
  status: string;
  note: string | null;
  reference: string;
}
const RUN = 'mutation { runReconciliation { id ok discrepancies { id kind status note reference } } }';
const reconcile = async () => (await t.run<{ runReconciliation: { ok: boolean; discrepancies: Found[] } }>(admin, RUN)).data.runReconciliation;
const old = () => t.owner`update payables set since = since - interval '2 minutes'`;

test('PL-20: a discrepancy stays the same one, is explained by an admin, and closes by itself when it is gone', async () => {
  const rider = await g.withMoney(user('CUSTOMER'), '100.00');
  const [kept, mended] = [await g.heldBooking(rider, 10_00), await g.heldBooking(rider, 20_00)];
  await t.owner`update deposits set settled_at = now() + interval '1 day'`;
  await t.owner`update payables set state = 'CANCELLED', owed_minor = 0 where subject_id in (${kept}, ${mended})`;
  await old();
  const first = await reconcile();
  expect(first).toMatchObject({
    ok: false,
    discrepancies: [
      { kind: 'CANCELLED_WITH_MONEY', status: 'OPEN' },
      { kind: 'CANCELLED_WITH_MONEY', status: 'OPEN' },
    ],
  });
  const about = (found: Found[], id: string) => found.find((each) => each.reference === publicId('bkg', id));
  const id = about(first.discrepancies, kept)?.id ?? '';
  const resolve = (actor: Person, note: string, which = id) =>
    t.run<{ resolveDiscrepancy: Found }>(actor, 'mutation($input: DecisionInput!) { resolveDiscrepancy(input: $input) { id status note } }', {
      input: { id: which, note },
    });
  expect((await resolve(admin, ' ')).codes).toEqual(['VALIDATION_ERROR']);
  expect((await resolve(user('SUPPORT'), 'no')).codes).toEqual(['FORBIDDEN']);
  expect((await resolve(admin, 'x', publicId('dsc', randomUUID()))).codes).toEqual(['NOT_FOUND']);
  expect((await resolve(admin, 'x', 'nonsense')).codes).toEqual(['NOT_FOUND']);
  expect((await resolve(admin, 'agreed by phone')).data.resolveDiscrepancy).toEqual({ id, status: 'RESOLVED', note: 'agreed by phone' });
  expect((await resolve(colleague, 'other')).data.resolveDiscrepancy.note).toBe('agreed by phone');
  await t.owner`update payables set state = 'OPEN' where subject_id = ${mended}`;
  const second = await reconcile();
  expect(second.ok).toBe(true);
  expect(about(second.discrepancies, kept)).toMatchObject({ id, status: 'RESOLVED' });
  const list = async (status: string) =>
    (
      await t.run<{ discrepanciesFound: { nodes: Found[]; totalCount: number } }>(
        admin,
        'query($status: DiscrepancyStatus) { discrepanciesFound(status: $status, first: 10) { totalCount nodes { id status note reference } } }',
        { status },
      )
    ).data.discrepanciesFound;
  expect((await list('OPEN')).totalCount).toBe(0);
  expect(about((await list('RESOLVED')).nodes, mended)?.note).toBe('No longer found.');
  await t.owner`update payables set state = 'CANCELLED' where subject_id = ${mended}`;
  const third = await reconcile();
  expect(about(third.discrepancies, mended)).toMatchObject({ status: 'OPEN', id: about(first.discrepancies, mended)?.id });
  await g.booking('booking.expired', mended);
  await g.booking('booking.expired', kept);
});

test('PL-20: money done and not posted, what holds say, calls without an answer, webhooks for nobody', async () => {
  expect((await reconcile()).discrepancies.filter((found) => found.status === 'OPEN')).toEqual([]);
  const owner = user('CUSTOMER');
  const deposit = await g.initiate(owner, '5.00');
  const now = t.environment.clock();
  await t.owner`update deposits set status = 'COMPLETED', settled_at = ${now} where user_id = ${owner.id}`;
  await t.owner`insert into holds (id, owner_id, amount_minor, currency, status, reference_type, reference_id, purpose, expires_at, created_at)
    values (gen_random_uuid(), ${owner.id}, 500, 'EGP', 'ACTIVE', 'TRIP', gen_random_uuid(), 'PAYMENT', ${new Date(now.getTime() + 60_000)}, ${now})`;
  await g.webhook({ id: 'stray', type: 'payment.paid', orderId: 'order-of-nobody', amount: '1.00', currency: 'EGP' });
  const found = (await reconcile()).discrepancies.filter((each) => each.status === 'OPEN').map((each) => `${each.kind} ${each.reference}`);
  expect(found.sort()).toEqual(
    [`DEPOSIT_NOT_POSTED ${deposit.id}`, `HOLDS_MISMATCH ${publicId('usr', owner.id)}`, 'WEBHOOK_UNKNOWN_ORDER sandbox:stray'].sort(),
  );
  await t.owner`delete from holds where owner_id = ${owner.id}`;
  await t.owner`delete from deposits where user_id = ${owner.id}`;
  await t.owner`delete from webhook_events where event_id = 'stray'`;
  await t.owner`delete from discrepancies`;
});

test('PL-20: sums begin at a checkpoint, and a whole check at the first entry', async () => {
  await reconcile();
  const [far] = await t.owner`select count(*)::int as n from balance_checkpoints c join accounts a on a.id = c.account_id
    where c.number = a.entry_count and c.balance_minor = a.balance_minor`;
  const [all] = await t.owner`select count(*)::int as n from accounts where entry_count > 0`;
  expect(far?.n).toBe(all?.n);
  const owner = randomUUID();
  await desk.fund(owner, 10n, randomUUID());
  await t.owner.begin(async (sql) => {
    await sql`set local session_replication_role = replica`;
    await sql`update accounts set balance_minor = 11 where owner_id = ${owner}`;
  });
  expect((await reconcile()).discrepancies.filter((each) => each.status === 'OPEN').map((each) => each.kind)).toEqual([
    'LEDGER_UNBALANCED',
    'BALANCE_MISMATCH',
  ]);
  await t.owner.begin(async (sql) => {
    await sql`set local session_replication_role = replica`;
    await sql`update accounts set balance_minor = 10 where owner_id = ${owner}`;
  });
  expect((await reconcile()).ok).toBe(true);
});

const HEALTH = `query { ledgerHealth { balanced openDiscrepancies openFraudFlags totals { type accounts balance { amount currency } signed { amount } }
  lastReconciliation { ok } violations { kind } } }`;

test('ledgerHealth: totals per type and currency that add up to zero; for admins', async () => {
  await g.withMoney(user('CUSTOMER'), '12.50');
  await reconcile();
  const { data } = await t.run<{
    ledgerHealth: { balanced: boolean; totals: { type: string; balance: { amount: string }; signed: { amount: string } }[]; lastReconciliation: object };
  }>(admin, HEALTH);
  const { totals } = data.ledgerHealth;
  expect(data.ledgerHealth).toMatchObject({ balanced: true, openDiscrepancies: 0, lastReconciliation: { ok: true }, violations: [] });
  expect(totals.reduce((sum, total) => sum + Math.round(Number(total.signed.amount) * 100), 0)).toBe(0);
  expect(totals.find((total) => total.type === 'GATEWAY_CLEARING')?.balance.amount).not.toMatch(/^-/);
  for (const other of [user('CUSTOMER'), user('SUPPORT')]) expect((await t.run(other, HEALTH)).codes).toEqual(['FORBIDDEN']);
});

test('PL-21: what is out of the ordinary, and what is not', () => {
  const calm = {
    currency: 'EGP',
    transactionsLastHour: 10,
    latestMinor: 1000n,
    earlierCount: 5,
    earlierSumMinor: 500n,
    depositedLastDayMinor: 1000n,
    withdrawnLastDayMinor: 900n,
    failedPaymentsLastDay: 4,
    circularTripsLastWeek: 0,
  };
  expect(suspicions(calm)).toEqual([]);
  const kinds = (more: Partial<typeof calm>) => suspicions({ ...calm, ...more }).map(({ kind }) => kind);
  expect(kinds({ transactionsLastHour: 11 })).toEqual(['HIGH_VELOCITY']);
  expect(kinds({ latestMinor: 1001n })).toEqual(['UNUSUAL_AMOUNT']);
  expect(kinds({ latestMinor: 10_000_000n, earlierCount: 4 })).toEqual([]);
  expect(kinds({ withdrawnLastDayMinor: 901n })).toEqual(['RAPID_WITHDRAWAL']);
  expect(kinds({ depositedLastDayMinor: 0n })).toEqual([]);
  expect(kinds({ failedPaymentsLastDay: 5, circularTripsLastWeek: 1 })).toEqual(['REPEATED_FAILURES', 'CIRCULAR_TRIPS']);
  expect(suspicions({ ...calm, withdrawnLastDayMinor: 950n })[0]?.evidence).toBe('9.50 EGP out within a day of 10.00 EGP in');
});

interface Flag {
  id: string;
  kind: string;
  evidence: string;
  status: string;
}
const flagsOf = async (person: Person, status: string | null = null) =>
  (
    await t.run<{ fraudFlags: { nodes: Flag[]; totalCount: number } }>(
      admin,
      'query($userId: ID, $status: FraudStatus) { fraudFlags(userId: $userId, status: $status) { totalCount nodes { id kind status evidence user { id } } } }',
      { userId: publicId('usr', person.id), status },
    )
  ).data.fraudFlags.nodes;
const withdraw = async (driver: Person, amount: string) =>
  (
    await t.run<{ requestWithdrawal: { id: string } }>(driver, 'mutation($i: RequestWithdrawalInput!) { requestWithdrawal(input: $i) { id } }', {
      i: { amount: { amount, currency: 'EGP' }, method: 'BANK', accountNumber: '12345678', idempotencyKey: randomUUID() },
    })
  ).data.requestWithdrawal.id;
const approve = (id: string) => t.run<{ approveWithdrawal: { status: string } }>(admin, 'mutation($id: ID!) { approveWithdrawal(id: $id) { status } }', { id });
const decide = (what: 'clear' | 'confirm', id: string, actor: Person = admin) =>
  t.run<Record<string, Flag>>(actor, `mutation($input: DecisionInput!) { ${what}FraudFlag(input: $input) { id status note decidedAt } }`, {
    input: { id, note: 'seen' },
  });

test('PL-21: money in and out again is flagged, and the withdrawal waits until an admin has cleared it', async () => {
  const driver = await g.withMoney(user('DRIVER'), '100.00', 'driver');
  const id = await withdraw(driver, '95.00');
  const flag = await eventually(async () => (await flagsOf(driver))[0], 'the flag');
  expect(flag).toMatchObject({ kind: 'RAPID_WITHDRAWAL', status: 'OPEN' });
  expect((await approve(id)).codes).toEqual(['WITHDRAWAL_FLAGGED']);
  expect((await t.emitted<{ userId: string }>('fraud.flagged')).filter((event) => event.userId === driver.id)).toHaveLength(1);
  expect((await decide('clear', flag.id, user('SUPPORT'))).codes).toEqual(['FORBIDDEN']);
  expect((await decide('clear', publicId('flg', randomUUID()))).codes).toEqual(['NOT_FOUND']);
  expect((await decide('clear', flag.id)).data.clearFraudFlag).toMatchObject({ status: 'CLEARED', note: 'seen' });
  const about = async (type: string) => (await t.emitted<{ userId: string; kind: string }>(type)).filter((event) => event.userId === driver.id);
  expect(await about('fraud.cleared')).toMatchObject([{ kind: flag.kind }]);
  expect(await about('fraud.confirmed')).toEqual([]);
  const told = await t.owner`select d.consumer from deliveries d join events e on e.id = d.event_id
    where e.type = 'fraud.flagged' and e.payload ->> 'userId' = ${driver.id} order by d.consumer`;
  expect(told.map((row) => row.consumer)).toEqual(['dispatch', 'inbox']);
  expect((await decide('clear', flag.id)).codes).toEqual([]);
  expect((await decide('clear', flag.id, colleague)).codes).toEqual(['CONFLICT']);
  expect((await decide('confirm', flag.id)).codes).toEqual(['CONFLICT']);
  expect((await approve(id)).data.approveWithdrawal.status).toBe('APPROVED');
  expect(await flagsOf(driver)).toHaveLength(1);
});

test('PL-21: a confirmed flag keeps withdrawals held; failed payments and many transactions raise theirs', async () => {
  const driver = await g.withMoney(user('DRIVER'), '100.00', 'driver');
  for (let n = 0; n < 12; n += 1) await g.initiate(driver, '1.00');
  const id = await withdraw(driver, '1.00');
  const flag = await eventually(async () => (await flagsOf(driver, 'OPEN'))[0], 'the flag');
  expect(flag.kind).toBe('HIGH_VELOCITY');
  await decide('confirm', flag.id);
  expect((await t.emitted<{ userId: string }>('fraud.confirmed')).filter((event) => event.userId === driver.id)).toHaveLength(1);
  expect((await approve(id)).codes).toEqual(['WITHDRAWAL_FLAGGED']);
  const rejected = await t.run(admin, 'mutation($id: ID!) { rejectWithdrawal(id: $id, reason: "fraud") { status } }', { id });
  expect(rejected.codes).toEqual([]);
  const poor = await g.withMoney(user('CUSTOMER'), null);
  for (let n = 0; n < 5; n += 1) await g.heldBooking(poor, 10_00);
  await eventually(async () => (await flagsOf(poor)).some(({ kind }) => kind === 'REPEATED_FAILURES'), 'the flag');
  const anon = await t.run(poor, 'query { fraudFlags { totalCount } }');
  expect(anon.codes).toEqual(['FORBIDDEN']);
  expect((await t.run<{ fraudFlags: { totalCount: number } }>(admin, 'query { fraudFlags(userId: "veh_x") { totalCount } }')).data.fraudFlags.totalCount).toBe(
    0,
  );
});

const movements = (person: Person, ...amounts: string[]) =>
  amounts.reduce(async (before, amount) => {
    await before;
    await g.webhook(g.paid(await g.initiate(person, amount)));
  }, Promise.resolve());

test('PL-21: an amount far beyond what is usual waits for a look, also days later and behind smaller ones; deposits that never came say nothing', async () => {
  const driver = await g.withMoney(user('DRIVER'), null, 'driver');
  await movements(driver, '10.00', '10.00', '10.00', '10.00', '10.00');
  // Never paid: they neither raise the average, nor are judged.
  for (let n = 0; n < 3; n += 1) await g.initiate(driver, '9000.00');
  t.setClock(new Date(t.environment.clock().getTime() + 2 * 3_600_000));
  await movements(driver, '100.00');
  expect((await approve(await withdraw(driver, '1.00'))).codes).toEqual([]);
  expect(await flagsOf(driver)).toEqual([]);
  await movements(driver, '251.00');
  await movements(driver, '10.00');
  t.setClock(new Date(t.environment.clock().getTime() + 3 * 86_400_000));
  await t.owner`delete from fraud_flags where user_id = ${driver.id}`;
  const id = await withdraw(driver, '2.00');
  expect((await approve(id)).codes).toEqual(['WITHDRAWAL_FLAGGED']);
  const [flag, ...others] = await flagsOf(driver);
  expect(others).toEqual([]);
  expect(flag).toMatchObject({ kind: 'UNUSUAL_AMOUNT', evidence: '251.00 EGP after an average of 21.57 EGP' });
  // Cleared, the same amount is known, tomorrow as well.
  await decide('clear', flag?.id ?? '');
  t.setClock(new Date(t.environment.clock().getTime() + 86_400_000 + 60_000));
  expect((await approve(id)).codes).toEqual([]);
});

test('PL-21: two people who drive each other are seen when one of them withdraws, days later', async () => {
  const one = await g.withMoney(user('CUSTOMER', 'DRIVER'), '500.00', 'driver');
  const two = await g.withMoney(user('CUSTOMER', 'DRIVER'), '500.00', 'driver');
  const honest = await g.withMoney(user('DRIVER'), null, 'driver');
  await g.completedTrip(one, two, 50_00);
  await g.completedTrip(two, one, 50_00);
  await g.completedTrip(one, honest, 50_00);
  t.setClock(new Date(t.environment.clock().getTime() + 3 * 86_400_000));
  expect((await approve(await withdraw(honest, '1.00'))).codes).toEqual([]);
  for (const driver of [one, two]) {
    expect((await approve(await withdraw(driver, '1.00'))).codes).toEqual(['WITHDRAWAL_FLAGGED']);
    expect((await flagsOf(driver)).map(({ kind, evidence }) => [kind, evidence])).toEqual([['CIRCULAR_TRIPS', '1 trips with somebody who drove them in turn']]);
  }
});

test('PL-05: a statement of a period: opening, running and closing balance, pages that neither skip nor repeat', async () => {
  // Tests before this one let the clock run ahead, and nothing is recorded before what its accounts recorded last.
  const [latest] = await t.owner`select max(updated_at) as at from accounts`;
  t.setClock(new Date(Math.max(t.environment.clock().getTime(), new Date(latest?.at ?? 0).getTime() + 1_000)));
  const person = await g.withMoney(user('CUSTOMER'), '100.00');
  const [start, hour] = [t.environment.clock(), 3_600_000];
  t.setClock(new Date(start.getTime() + hour));
  for (let n = 0; n < 3; n += 1) await g.heldBooking(person, 10_00);
  t.setClock(new Date(start.getTime() + 2 * hour));
  await g.heldBooking(person, 5_00);
  const wallet = (await g.wallet(person, person.id))?.id ?? '';
  const query = `query($r: [_Any!]!, $from: DateTime!, $to: DateTime!, $first: Int, $after: String) { _entities(representations: $r) { ... on Wallet {
    at: balanceAt(time: $to) { amount } effective: balanceAt(time: $from, by: EFFECTIVE) { amount }
    statement(from: $from, to: $to, first: $first, after: $after) { openingBalance { amount } closingBalance { amount }
      entries { totalCount nodes { number kind amount { amount } balanceAfter { amount } } pageInfo { hasNextPage endCursor } } } } } }`;
  interface Statement {
    at: { amount: string };
    statement: {
      openingBalance: { amount: string };
      closingBalance: { amount: string };
      entries: { totalCount: number; nodes: { number: number; balanceAfter: { amount: string } }[]; pageInfo: { hasNextPage: boolean; endCursor: string } };
    };
  }
  const times = { from: new Date(start.getTime() + hour / 2).toISOString(), to: new Date(start.getTime() + 1.5 * hour).toISOString() };
  const ask = (more: object, actor: Person = person) =>
    t.run<{ _entities: (Statement | null)[] }>(actor, query, { r: [{ __typename: 'Wallet', id: wallet }], ...times, first: 2, after: null, ...more });
  const one = (await ask({})).data._entities[0];
  expect(one).toMatchObject({
    at: { amount: '70.00' },
    effective: { amount: '100.00' },
    statement: {
      openingBalance: { amount: '100.00' },
      closingBalance: { amount: '70.00' },
      entries: { totalCount: 3, nodes: [{ number: 2, balanceAfter: { amount: '90.00' } }, { number: 3 }], pageInfo: { hasNextPage: true } },
    },
  });
  const two = (await ask({ after: one?.statement.entries.pageInfo.endCursor })).data._entities[0];
  expect(two?.statement.entries).toMatchObject({ nodes: [{ number: 4, balanceAfter: { amount: '70.00' } }], pageInfo: { hasNextPage: false } });
  expect((await ask({ from: times.to, to: times.from })).codes).toEqual(['VALIDATION_ERROR']);
  expect((await ask({ after: 'xx' })).codes).toEqual(['VALIDATION_ERROR']);
  expect((await ask({}, user('CUSTOMER'))).data._entities).toEqual([null]);
});

test('PL-08b, PL-09: admins see transactions by what they are about, ask what a reversal would do, and make it once', async () => {
  const person = await g.withMoney(user('CUSTOMER'), '30.00');
  const [deposit] = await t.owner`select id from deposits where user_id = ${person.id}`;
  const list = async (reference: string) =>
    (
      await t.run<{ ledgerTransactions: { totalCount: number; nodes: { id: string; kind: string; revertedBy: string | null; entries: object[] }[] } }>(
        admin,
        `query($reference: ID) { ledgerTransactions(reference: $reference) { totalCount nodes { id kind reference reverts revertedBy reason
          entries { accountType owner { id } amount { amount } balanceAfter { amount } } } } }`,
        { reference },
      )
    ).data.ledgerTransactions;
  const before = await list(publicId('dep', deposit?.id));
  expect(before).toMatchObject({ totalCount: 1, nodes: [{ kind: 'DEPOSIT', revertedBy: null }] });
  expect(await list('bkg_nonsense')).toEqual({ totalCount: 0, nodes: [] });
  const transactionId = before.nodes[0]?.id;
  const revert = (more: object, actor: Person = admin) =>
    t.run<{ revertTransaction: { dryRun: boolean; transaction: { id: string } | null; entries: object[] } }>(
      actor,
      `mutation($input: RevertTransactionInput!) { revertTransaction(input: $input) { dryRun transaction { id kind reverts reason }
        entries { accountType amount { amount } balanceAfter { amount } } } }`,
      { input: { transactionId, reason: 'chargeback', ...more } },
    );
  const dry = (await revert({ dryRun: true })).data.revertTransaction;
  expect(dry).toMatchObject({ dryRun: true, transaction: null });
  expect((await g.wallet(person, person.id))?.balance.amount).toBe('30.00');
  expect((await revert({})).codes).toEqual(['IDEMPOTENCY_KEY_REQUIRED']);
  expect((await revert({ idempotencyKey: 'k' }, user('SUPPORT'))).codes).toEqual(['FORBIDDEN']);
  expect((await revert({ transactionId: 'txn_x', idempotencyKey: 'k' })).codes).toEqual(['NOT_FOUND']);
  expect((await revert({ reason: '', idempotencyKey: 'k' })).codes).toEqual(['VALIDATION_ERROR']);
  const real = (await revert({ idempotencyKey: 'k' })).data.revertTransaction;
  expect(real.entries).toEqual(dry.entries);
  expect((await revert({ idempotencyKey: 'k' })).data.revertTransaction).toEqual(real);
  expect((await revert({ idempotencyKey: 'k2' })).codes).toEqual(['ALREADY_REVERTED']);
  expect((await revert({ idempotencyKey: 'k', reason: 'other' })).codes).toEqual(['IDEMPOTENCY_KEY_REUSED']);
  expect((await list(publicId('dep', deposit?.id))).nodes.map((node) => [node.kind, node.revertedBy])).toEqual([
    ['REVERSAL', null],
    ['DEPOSIT', real.transaction?.id],
  ]);
  expect((await g.wallet(person, person.id))?.balance.amount).toBe('0.00');
});
