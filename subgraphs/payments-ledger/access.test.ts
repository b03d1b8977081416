import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ANONYMOUS, userIdOf } from '../../platform/actor.js';
import { ConfigError } from '../../platform/config.js';
import { DEMO_ACCOUNTS } from '../../platform/demoAccounts.js';
import { publicId } from '../../platform/ids.js';
import { eventually, startTestSubgraph, type TestSubgraph, user } from '../../test/subgraphHarness.js';
import { DEMO_SANDBOX_SECRET, readPaymentsConfig } from './config.js';
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

const demo = (name: 'customer' | 'customer2' | 'driver' | 'driver2'): Person => ({
  kind: 'USER',
  id: DEMO_ACCOUNTS[name].id,
  roles: [DEMO_ACCOUNTS[name].role],
  sessionId: null,
});

test('PF-12b: the demo wallets hold what they should, once, whether or not their users are known', async () => {
  await Promise.all([
    t.subgraph.seedDemo(),
    t.deliver('identity', 'user.registered', DEMO_ACCOUNTS.customer.id, { userId: DEMO_ACCOUNTS.customer.id, roles: ['CUSTOMER'] }),
  ]);
  await t.deliver('dispatch', 'driver.registered', randomUUID(), { userId: DEMO_ACCOUNTS.driver.id });
  await t.deliver('identity', 'user.registered', DEMO_ACCOUNTS.driver.id, { userId: DEMO_ACCOUNTS.driver.id, roles: ['DRIVER'] });
  await t.subgraph.seedDemo();
  for (const [name, amount] of [
    ['customer', '20000.00'],
    ['customer2', '20000.00'],
    ['driver', '500.00'],
    ['driver2', '0.00'],
  ] as const) {
    expect(await g.wallet(demo(name), DEMO_ACCOUNTS[name].id)).toMatchObject({ balance: { amount }, available: { amount } });
  }
  expect((await t.owner`select sum(balance_minor)::text as sum from accounts where type = 'OPENING'`)[0]?.sum).toBe('-4050000');
});

const WALLET = 'query($r: [_Any!]!) { _entities(representations: $r) { ... on User { wallet { id balance { amount } entries(first: 1) { nodes { id } } } } } }';
const userRef = (id: string) => [{ __typename: 'User', id: publicId('usr', id) }];

test('ID-07b: a wallet is for its owner and admins; others get null and FORBIDDEN', async () => {
  const person = await g.withMoney(user('CUSTOMER'), '10.00');
  for (const stranger of [user('CUSTOMER'), user('DRIVER'), user('SUPPORT'), user('PARTNER'), ANONYMOUS]) {
    const answer = await t.run<{ _entities: { wallet: null }[] }>(stranger, WALLET, { r: userRef(person.id) });
    expect(answer.codes).toEqual(['FORBIDDEN']);
    expect(answer.data._entities).toEqual([{ wallet: null }]);
  }
  expect(await g.wallet(admin, person.id)).toMatchObject({ balance: { amount: '10.00' } });
  expect((await t.run(person, WALLET, { r: [{ __typename: 'User', id: 'usr_nonsense' }] })).codes).toEqual(['FORBIDDEN']);
});

test('ID-07b: entities by reference are there for their parties only', async () => {
  const [owner, driver, stranger] = [await g.withMoney(user('CUSTOMER'), '100.00'), await g.withMoney(user('DRIVER'), '50.00', 'driver'), user('CUSTOMER')];
  const wallet = await g.wallet(owner, owner.id);
  const deposit = await g.initiate(owner, '1.00');
  const tripId = await g.completedTrip(owner, driver, 10_00);
  const payment = await g.payment(owner, 'Trip', tripId);
  const requested = await t.run<{ requestWithdrawal: { id: string } }>(
    driver,
    'mutation($i: RequestWithdrawalInput!) { requestWithdrawal(input: $i) { id } }',
    {
      i: { amount: { amount: '1.00', currency: 'EGP' }, method: 'BANK', accountNumber: '12345678', idempotencyKey: randomUUID() },
    },
  );
  const withdrawalId = requested.data.requestWithdrawal.id;
  const see = async (actor: Person, __typename: string, id: string) => {
    const { data, errors } = await t.run<{ _entities: ({ id: string } | null)[] }>(
      actor,
      `query($r: [_Any!]!) { _entities(representations: $r) { ... on ${__typename} { id } } }`,
      { r: [{ __typename, ref: id }] },
    );
    expect(errors).toEqual([]);
    return data._entities[0]?.id === id;
  };
  const table: [string, string, readonly Person[]][] = [
    ['Wallet', wallet?.id ?? '', [owner]],
    ['Deposit', deposit.id, [owner]],
    ['Payment', payment?.id ?? '', [owner, driver]],
    ['Withdrawal', withdrawalId, [driver]],
  ];
  for (const [type, id, parties] of table) {
    for (const actor of [owner, driver, stranger, user('SUPPORT')])
      expect({ type, sees: await see(actor, type, id) }).toEqual({ type, sees: parties.includes(actor) });
    expect(await see(admin, type, id)).toBe(true);
    expect(await see(admin, type, id.replace(/^.../, 'veh'))).toBe(false);
  }
  expect(await g.payment(stranger, 'Trip', tripId)).toBeNull();
  expect(await g.payment(driver, 'Trip', tripId)).toMatchObject({ status: 'CAPTURED' });
  const lookup = (actor: Person, field: string, id: string) =>
    t.run<Record<string, { id: string } | null>>(actor, `query($id: ID!) { ${field}(id: $id) { id } }`, { id });
  expect((await lookup(stranger, 'deposit', deposit.id)).data).toEqual({ deposit: null });
  expect((await lookup(owner, 'deposit', deposit.id)).data).toEqual({ deposit: { id: deposit.id } });
  expect((await lookup(owner, 'withdrawal', withdrawalId)).data).toEqual({ withdrawal: null });
  expect((await lookup(driver, 'withdrawal', withdrawalId)).data).toEqual({ withdrawal: { id: withdrawalId } });
  expect((await lookup(owner, 'deposit', 'nonsense')).data).toEqual({ deposit: null });
  expect((await t.run(ANONYMOUS, 'query { deposit(id: "x") { id } }')).codes).toEqual(['UNAUTHENTICATED']);
  expect((await t.run(ANONYMOUS, 'query { withdrawal(id: "x") { id } }')).codes).toEqual(['UNAUTHENTICATED']);
  const health = 'query { _entities(representations: [{ __typename: "SystemHealth", id: "system" }]) { ... on SystemHealth { paymentsViolations { kind } } } }';
  expect((await t.run(owner, health)).data).toEqual({ _entities: [null] });
});

test('ID-08: raw SQL as the service reads nobody else, and writes nothing that is for our jobs', async () => {
  const [owner, stranger] = [await g.withMoney(user('DRIVER'), '100.00', 'driver'), user('CUSTOMER')];
  await g.heldBooking(owner, 10_00);
  await t.run(owner, 'mutation($i: RequestWithdrawalInput!) { requestWithdrawal(input: $i) { id } }', {
    i: { amount: { amount: '1.00', currency: 'EGP' }, method: 'BANK', accountNumber: '12345678', idempotencyKey: randomUUID() },
  });
  const asActor = <T>(actor: Person, query: string) =>
    t.asService.begin(async (sql) => {
      await sql`select set_config('waygraph.actor_id', ${userIdOf(actor) ?? ''}, true), set_config('waygraph.actor_roles', ${actor.roles.join(',')}, true)`;
      return (await sql.unsafe(query)) as unknown as T[];
    });
  for (const table of ['accounts', 'entries', 'transactions', 'holds', 'payments', 'deposits', 'withdrawals']) {
    expect({ table, rows: (await asActor(stranger, `select 1 from ${table}`)).length }).toEqual({ table, rows: 0 });
    expect({ table, some: (await asActor(owner, `select 1 from ${table}`)).length > 0 }).toEqual({ table, some: true });
    expect((await t.asService.unsafe(`select 1 from ${table}`)).length).toBe(0);
  }
  expect((await asActor<{ owner_id: string }>(owner, 'select distinct owner_id from accounts')).map((row) => row.owner_id)).toEqual([owner.id]);
  for (const table of ['gateway_calls', 'payables', 'webhook_events', 'reconciliations', 'sandbox_orders', 'sandbox_charges', 'sandbox_answers']) {
    expect((await asActor(owner, `select 1 from ${table}`)).length).toBe(0);
  }
  // Balances stand in the wallets' events as well, and what control writes down names people: not even the own rows are read past the graph.
  await t.owner`insert into fraud_flags (id, user_id, kind, status, evidence, raised_at) values (gen_random_uuid(), ${owner.id}, 'HIGH_VELOCITY', 'OPEN', 'x', now())`;
  await t.run(admin, 'mutation { runReconciliation { id } }');
  await t.run(admin, 'mutation($i: RequestReportInput!) { requestReport(input: $i) { id } }', {
    i: { from: '2026-01-01', to: '2026-01-02', period: 'DAY', idempotencyKey: randomUUID() },
  });
  await t.owner`insert into discrepancies (id, kind, reference, expected, actual, status, found_at, last_found_at)
    values (gen_random_uuid(), 'X', 'y', '1', '2', 'OPEN', now(), now())`;
  for (const table of ['events', 'deliveries', 'reports', 'fraud_flags', 'discrepancies', 'balance_checkpoints', 'reconciliations']) {
    expect({ table, some: (await t.owner.unsafe(`select 1 from ${table}`)).length > 0 }).toEqual({ table, some: true });
    for (const actor of [owner, stranger]) expect({ table, rows: (await asActor(actor, `select * from ${table}`)).length }).toEqual({ table, rows: 0 });
  }
  expect(await asActor(stranger, `select payload from events where aggregate_type = 'wallet'`)).toEqual([]);
  // Not even the own balance moves without an entry.
  await expect(asActor(owner, `update accounts set balance_minor = balance_minor + 1`)).rejects.toMatchObject({ constraint_name: 'accounts_follow_entries' });
  expect((await asActor(stranger, `update accounts set balance_minor = balance_minor + 1 returning 1`)).length).toBe(0);
  await expect(asActor(owner, `update withdrawals set status = 'APPROVED' returning 1`)).resolves.toHaveLength(0);
  await expect(asActor(owner, `update deposits set status = 'COMPLETED' returning 1`)).resolves.toHaveLength(0);
  await expect(
    asActor(
      owner,
      `insert into deposits (id, user_id, adapter, amount_minor, currency, status, created_at)
       values (gen_random_uuid(), '${stranger.id}', 'x', 1, 'EGP', 'PENDING', now())`,
    ),
  ).rejects.toMatchObject({ code: '42501' });
  expect((await asActor(admin, 'select 1 from accounts')).length).toBeGreaterThan(0);
});

test('FL-07: many wallets are one query, and so are many payments', async () => {
  const people = await Promise.all(Array.from({ length: 5 }, () => g.withMoney(user('CUSTOMER'), null)));
  const bookings: string[] = [];
  for (const person of people) bookings.push(await g.heldBooking(person, 1));
  const count = async (like: string, query: string, r: object[]) => {
    const before = await t.statements(like);
    expect((await t.run<{ _entities: unknown[] }>(admin, query, { r })).data._entities.length).toBe(r.length);
    return (await t.statements(like)) - before;
  };
  const wallets = 'query($r: [_Any!]!) { _entities(representations: $r) { ... on User { wallet { id } } } }';
  expect(
    await count(
      '%select distinct on (w.owner_id)%',
      wallets,
      people.flatMap((person) => userRef(person.id)),
    ),
  ).toBe(1);
  const payments = 'query($r: [_Any!]!) { _entities(representations: $r) { ... on Booking { payment { id status } } } }';
  const refs = bookings.map((id) => ({ __typename: 'Booking', id: publicId('bkg', id) }));
  expect(await count('%from "payments" where%"subject_id" in%', payments, refs)).toBe(1);
});

test('PL-05: entries of a wallet: numbered, newest first, with the balance after each; pages neither skip nor repeat', async () => {
  const person = await g.withMoney(user('CUSTOMER'), '100.00');
  const booking = await g.heldBooking(person, 30_00);
  await g.booking('booking.expired', booking);
  const query = `query($r: [_Any!]!, $first: Int, $after: String) { _entities(representations: $r) { ... on User { wallet {
    entries(first: $first, after: $after) {
    totalCount nodes { id number kind reference amount { amount } balanceAfter { amount } createdAt } pageInfo { hasNextPage endCursor } } } } } }`;
  interface Entries {
    totalCount: number;
    nodes: { number: number; kind: string; reference: string; amount: { amount: string }; balanceAfter: { amount: string } }[];
    pageInfo: { hasNextPage: boolean; endCursor: string };
  }
  const page = async (first: number, after: string | null) => {
    const answer = await t.run<{ _entities: { wallet: { entries: Entries } | null }[] }>(person, query, { r: userRef(person.id), first, after });
    return { codes: answer.codes, entries: answer.data?._entities[0]?.wallet?.entries };
  };
  const one = await page(2, null);
  expect(one.entries).toMatchObject({
    totalCount: 3,
    nodes: [
      { number: 3, kind: 'HOLD_RELEASE', reference: publicId('bkg', booking), amount: { amount: '30.00' }, balanceAfter: { amount: '100.00' } },
      { number: 2, kind: 'HOLD', amount: { amount: '-30.00' }, balanceAfter: { amount: '70.00' } },
    ],
    pageInfo: { hasNextPage: true },
  });
  const two = await page(2, one.entries?.pageInfo.endCursor ?? null);
  expect(two.entries?.nodes).toMatchObject([{ number: 1, kind: 'DEPOSIT', amount: { amount: '100.00' } }]);
  expect((await page(2, Buffer.from(JSON.stringify(['WALLET_ENTRIES', 'x'])).toString('base64url'))).codes).toEqual(['VALIDATION_ERROR']);
  expect((await page(101, null)).codes).toEqual(['VALIDATION_ERROR']);
});

const WATCH = 'subscription { walletUpdated { balance { amount } available { amount } } }';
const subscribe = (actor: Parameters<TestSubgraph['run']>[0]) =>
  t.subgraph.subscribe({ query: WATCH }, { actor, traceId: '0'.repeat(32), idempotencyKey: null, clientIp: null });

test('PL-24: walletUpdated tells its owner of each change, nobody of others, and ends at once', async () => {
  const [person, other] = [await g.withMoney(user('CUSTOMER'), null), await g.withMoney(user('CUSTOMER'), null)];
  const stream = await subscribe(person);
  if (!(Symbol.asyncIterator in stream)) throw new Error('refused');
  const deposit: DepositAnswer = await g.initiate(person, '25.00');
  const next = stream.next();
  await g.webhook(g.paid(await g.initiate(other, '99.00')));
  await g.webhook(g.paid(deposit));
  expect((await next).value?.data).toEqual({ walletUpdated: { balance: { amount: '25.00' }, available: { amount: '25.00' } } });
  const held = stream.next();
  await g.heldBooking(person, 5_00);
  expect((await held).value?.data).toEqual({ walletUpdated: { balance: { amount: '25.00' }, available: { amount: '20.00' } } });
  const waiting = stream.next();
  await stream.return(undefined);
  expect(await waiting).toEqual({ value: undefined, done: true });
  const refused = await subscribe(ANONYMOUS);
  expect(Symbol.asyncIterator in refused ? [] : refused.errors?.map((error) => error.extensions.code)).toEqual(['UNAUTHENTICATED']);
});

test('PL-24: a hint that is lost delays and loses nothing', async () => {
  const person = await g.withMoney(user('CUSTOMER'), '10.00');
  const stream = await subscribe(person);
  if (!(Symbol.asyncIterator in stream)) throw new Error('refused');
  const next = stream.next();
  // A change of which no hint tells.
  const write = (minor: number) =>
    t.owner.begin(async (sql) => {
      await sql`alter table accounts disable trigger accounts_follow_entries`;
      await sql`update accounts set balance_minor = ${minor} where owner_id = ${person.id} and type = 'CUSTOMER_WALLET'`;
      await sql`alter table accounts enable trigger accounts_follow_entries`;
    });
  await write(7);
  expect((await next).value?.data).toMatchObject({ walletUpdated: { available: { amount: '0.07' } } });
  await write(1000);
  await stream.return(undefined);
});

test('PF-12: the demo secret is refused in production, and a short one always', () => {
  expect(readPaymentsConfig({}).sandboxSecret).toBe(DEMO_SANDBOX_SECRET);
  expect(readPaymentsConfig({ PUBLIC_URL: 'https://pay.example.com/' }).publicOrigin).toBe('https://pay.example.com');
  expect(() => readPaymentsConfig({ NODE_ENV: 'production' })).toThrow(ConfigError);
  const sandbox = { NODE_ENV: 'production', PAYMENT_SANDBOX: 'on' };
  expect(() => readPaymentsConfig({ ...sandbox, PAYMENT_SANDBOX_SECRET: DEMO_SANDBOX_SECRET })).toThrow('PAYMENT_SANDBOX_SECRET');
  expect(() => readPaymentsConfig({ PAYMENT_SANDBOX_SECRET: 'short' })).toThrow('at least 32');
  expect(readPaymentsConfig({ ...sandbox, PAYMENT_SANDBOX_SECRET: 'x'.repeat(40) }).driverDebtLimitMinor).toBe(50_000n);
});

test('PL-14: production serves the sandbox only when it is told to, and Kashier needs its keys', () => {
  expect(() => readPaymentsConfig({ NODE_ENV: 'production', PAYMENT_SANDBOX_SECRET: 'x'.repeat(40) })).toThrow('PAYMENT_GATEWAY');
  expect(() => readPaymentsConfig({ PAYMENT_GATEWAY: 'kashier', KASHIER_MERCHANT_ID: 'MID' })).toThrow('KASHIER_MERCHANT_ID');
  expect(() => readPaymentsConfig({ PAYMENT_SANDBOX_FAULTS: 'explode' })).toThrow('PAYMENT_SANDBOX_FAULTS');
  const keys = { PAYMENT_GATEWAY: 'kashier', KASHIER_MERCHANT_ID: 'MID-1-1', KASHIER_API_KEY: 'a', KASHIER_SECRET_KEY: 's' };
  const live = readPaymentsConfig({ NODE_ENV: 'production', KASHIER_MODE: 'live', ...keys });
  expect(live).toMatchObject({ sandboxFaults: null, kashier: { apiUrl: 'https://fep.kashier.io', checkoutUrl: 'https://checkout.kashier.io', mode: 'live' } });
  const faulty = readPaymentsConfig({ PAYMENT_SANDBOX_FAULTS: 'delay=50 copies=3 drop=1 amount=5 reorder decline' });
  expect(faulty.sandboxFaults).toEqual({ delayMs: 50, copies: 3, drop: 1, amountOffMinor: 5n, reorder: true, decline: true });
  expect(readPaymentsConfig({ PAYMENT_SANDBOX: 'off' }).sandboxFaults).toBeNull();
});

test('PF-20: an account number is in no log and no event', async () => {
  await eventually(async () => (await t.owner`select 1 from events`).length > 0, 'some event');
  expect((await t.owner`select 1 from events where payload::text like '%12345678%'`).length).toBe(0);
  expect((await t.owner`select 1 from idempotency_keys where request_hash like '%12345678%'`).length).toBe(0);
});
