import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { verifyInternalToken } from '../../platform/actor.js';
import { publicId } from '../../platform/ids.js';
import { eventually, startTestSubgraph, TEST_SECRET, user } from '../../test/subgraphHarness.js';
import { readInboxConfig } from './config.js';
import { bookingConfirmed, startFakeProvider, startTestInbox, type TestInbox } from './inbox.given.js';
import { startInbox } from './main.js';
import { TEMPLATES, wordsFor } from './templates.js';

let inbox: TestInbox;
beforeAll(async () => {
  inbox = await startTestInbox();
});
afterAll(() => inbox[Symbol.asyncDispose]());

interface Told {
  id: string;
  kind: string;
  title: string;
  body: string;
  about: string | null;
  readAt: string | null;
}
const NOTIFICATIONS = `query($r: [_Any!]!, $first: Int, $after: String, $unreadOnly: Boolean) { _entities(representations: $r) { ... on User {
  notifications(first: $first, after: $after, unreadOnly: $unreadOnly) {
    totalCount nodes { id kind title body about readAt createdAt } pageInfo { hasNextPage endCursor } } } } }`;
type Actor = Parameters<TestInbox['t']['run']>[0];
const told = (actor: Actor, userId: string, variables: Record<string, unknown> = {}) =>
  inbox.t.run<{ _entities: ({ notifications: { totalCount: number; nodes: Told[]; pageInfo: { hasNextPage: boolean; endCursor: string } } | null } | null)[] }>(
    actor,
    NOTIFICATIONS,
    {
      r: [{ __typename: 'User', id: publicId('usr', userId) }],
      ...variables,
    },
  );
const kindsTold = async (userId: string) =>
  (await told(user('ADMIN'), userId, { first: 100 })).data._entities[0]?.notifications?.nodes.map((node) => node.kind) ?? [];
const caller = (actor: Actor) => ({ actor, traceId: '0'.repeat(32), idempotencyKey: null, clientIp: null });

test('IN-05: each event tells the person whom it concerns, in words, and by mail where mail is due', async () => {
  const id = () => randomUUID();
  const money = { amountMinor: '123456', currency: 'EGP' };
  const [tripId, bookingId, driverId, withdrawalId, depositId, paymentId] = [id(), id(), id(), id(), id(), id()];
  const events: [
    kind: keyof typeof TEMPLATES,
    emitter: string,
    type: string,
    aggregateId: string,
    payload: (userId: string) => Record<string, unknown>,
    about: string | null,
  ][] = [
    ['WELCOME', 'identity', 'user.registered', id(), (userId) => ({ userId, roles: ['CUSTOMER'] }), null],
    [
      'BOOKING_CANCELLED',
      'booking',
      'booking.cancelled',
      bookingId,
      (customerId) => ({
        bookingId,
        customerId,
        vehicleId: id(),
        by: 'SYSTEM',
        cause: 'PAYMENT_FAILED',
        failureCode: 'CARD_DECLINED',
        feeMinor: '0',
        currency: 'EGP',
      }),
      publicId('bkg', bookingId),
    ],
    ['BOOKING_EXPIRED', 'booking', 'booking.expired', bookingId, (customerId) => ({ bookingId, customerId, vehicleId: id() }), publicId('bkg', bookingId)],
    ...(['5000', '-5000', '0'] as const).map(
      (deltaMinor) =>
        [
          'BOOKING_CHANGED',
          'booking',
          'booking.changed',
          id(),
          (customerId: string) => ({
            bookingId,
            customerId,
            vehicleTitle: 'Kia Rio 2024',
            pickupAt: '2027-03-01T08:00:00.000Z',
            returnAt: '2027-03-03T08:00:00.000Z',
            totalMinor: '123456',
            deltaMinor,
            currency: 'EGP',
            cause: 'REQUESTED',
          }),
          publicId('bkg', bookingId),
        ] as (typeof events)[number],
    ),
    [
      'BOOKING_REMINDER',
      'booking',
      'booking.reminderDue',
      id(),
      (customerId) => ({ bookingId, customerId, vehicleTitle: 'Kia Rio 2024', pickupAt: '2027-03-01T08:00:00.000Z', hoursBefore: 24 }),
      publicId('bkg', bookingId),
    ],
    [
      'BOOKING_AT_RISK',
      'booking',
      'booking.atRisk',
      id(),
      (customerId) => ({ bookingId, customerId, pickupAt: '2027-03-01T08:00:00.000Z' }),
      publicId('bkg', bookingId),
    ],
    [
      'BOOKING_AT_RISK',
      'booking',
      'booking.atRisk',
      id(),
      (customerId) => ({ bookingId, customerId, pickupAt: '2027-03-01T08:00:00.000Z', reason: 'ELSEWHERE' }),
      publicId('bkg', bookingId),
    ],
    ['BOOKING_STARTED', 'booking', 'booking.started', id(), (customerId) => ({ bookingId, customerId }), publicId('bkg', bookingId)],
    [
      'BOOKING_OVERDUE',
      'booking',
      'booking.overdue',
      id(),
      (customerId) => ({ bookingId, customerId, returnAt: '2027-03-01T08:00:00.000Z' }),
      publicId('bkg', bookingId),
    ],
    [
      'BOOKING_RETURNED',
      'booking',
      'booking.returned',
      id(),
      (customerId) => ({ bookingId, customerId, chargesMinor: '3000', currency: 'EGP' }),
      publicId('bkg', bookingId),
    ],
    [
      'BOOKING_NO_SHOW',
      'booking',
      'booking.noShow',
      id(),
      (customerId) => ({ bookingId, customerId, vehicleId: id(), feeMinor: '3000', currency: 'EGP' }),
      publicId('bkg', bookingId),
    ],
    [
      'PAYMENT_FAILED',
      'payments-ledger',
      'payment.failed',
      paymentId,
      (payerId) => ({ paymentId, subjectType: 'TRIP', subjectId: tripId, payerId, ...money, method: 'CARD', code: 'CARD_DECLINED' }),
      publicId('trp', tripId),
    ],
    [
      'PAYMENT_REFUNDED',
      'payments-ledger',
      'payment.refunded',
      paymentId,
      (payerId) => ({ paymentId, subjectType: 'BOOKING', subjectId: bookingId, payerId, ...money, method: 'WALLET' }),
      publicId('bkg', bookingId),
    ],
    ['TRIP_ACCEPTED', 'dispatch', 'trip.accepted', tripId, (riderId) => ({ tripId, riderId, driverId, driverUserId: id() }), publicId('trp', tripId)],
    ['TRIP_ARRIVED', 'dispatch', 'trip.arrived', tripId, (riderId) => ({ tripId, riderId, driverUserId: id() }), publicId('trp', tripId)],
    ['TRIP_STARTED', 'dispatch', 'trip.started', tripId, (riderId) => ({ tripId, riderId, driverUserId: id() }), publicId('trp', tripId)],
    [
      'TRIP_COMPLETED',
      'dispatch',
      'trip.completed',
      tripId,
      (riderId) => ({ tripId, riderId, driverUserId: id(), vehicleType: 'ECONOMY', fareMinor: '5000', currency: 'EGP', paymentMethod: 'CASH' }),
      publicId('trp', tripId),
    ],
    [
      'TRIP_CANCELLED',
      'dispatch',
      'trip.cancelled',
      tripId,
      (riderId) => ({ tripId, riderId, driverUserId: null, by: 'RIDER', feeMinor: '1500', currency: 'EGP' }),
      publicId('trp', tripId),
    ],
    ['TRIP_NO_DRIVERS', 'dispatch', 'trip.noDrivers', tripId, (riderId) => ({ tripId, riderId }), publicId('trp', tripId)],
    ['DRIVER_REGISTERED', 'dispatch', 'driver.registered', driverId, (userId) => ({ driverId, userId, vehicleType: 'ECONOMY', vehicle: {} }), null],
    ['DRIVER_APPROVED', 'dispatch', 'driver.approved', driverId, (userId) => ({ driverId, userId }), null],
    ['DRIVER_SUSPENDED', 'dispatch', 'driver.suspended', driverId, (userId) => ({ driverId, userId }), null],
    ...(['REQUESTED', 'APPROVED', 'REJECTED', 'PAID', 'FAILED'] as const).map(
      (step) =>
        [
          `WITHDRAWAL_${step}`,
          'payments-ledger',
          `withdrawal.${step.toLowerCase()}`,
          withdrawalId,
          (userId: string) => ({ withdrawalId, userId, ...money }),
          publicId('wdr', withdrawalId),
        ] as (typeof events)[number],
    ),
    ['DEPOSIT_COMPLETED', 'payments-ledger', 'deposit.completed', depositId, (userId) => ({ depositId, userId, ...money }), publicId('dep', depositId)],
  ];
  for (const [kind, emitter, type, aggregateId, payload, about] of events) {
    const mona = inbox.person('mona-#');
    await inbox.t.deliver(emitter, type, aggregateId, payload(mona.id));
    const nodes = (await told(mona.actor, mona.id)).data._entities[0]?.notifications?.nodes;
    expect(nodes, type).toMatchObject([{ kind, about, readAt: null, title: expect.stringMatching(/\w/), body: expect.stringMatching(/\w.*[.?]$/) }]);
    const mails = await inbox.t.owner`select kind from mail_deliveries where to_user_id = ${mona.id}`;
    expect(
      mails.map((mail) => mail.kind),
      type,
    ).toEqual((TEMPLATES[kind].channels as readonly string[]).includes('EMAIL') ? [kind] : []);
  }
});

test('IN-05: a change says what it costs more or less, a missed pick-up its fee', () => {
  const bookingId = randomUUID();
  const times = { pickupAt: '2027-03-01T08:00:00.000Z', returnAt: '2027-03-03T08:00:00.000Z' };
  const change = (deltaMinor: string, cause = 'REQUESTED') =>
    wordsFor('BOOKING_CHANGED', { bookingId, ...times, vehicleTitle: 'Kia', amountMinor: '123456', deltaMinor, currency: 'EGP', cause }).body;
  expect(change('5000')).toBe('As you asked, we changed your booking. Pick it up on Mon, 1 Mar 2027, 10:00 (Cairo). It costs 50.00 EGP more.');
  expect(change('-5000')).toContain('It costs 50.00 EGP less.');
  expect(change('0', 'SWAP')).toMatch(/^We gave you another car at the same price.*The price stays the same\.$/);
  expect(wordsFor('BOOKING_NO_SHOW', { bookingId, amountMinor: '3000', currency: 'EGP' }).body).toContain('The fee is 30.00 EGP.');
});

test('BK-06b: whoever may not get the car is told why: late, also in what was stored before there was another reason, or at another station', () => {
  const data = { bookingId: randomUUID(), pickupAt: '2027-03-01T08:00:00.000Z' };
  expect(wordsFor('BOOKING_AT_RISK', data).body).toContain('10:00 (Cairo) may not be back in time. You can move to a car like it');
  expect(wordsFor('BOOKING_AT_RISK', { ...data, reason: 'LATE' })).toEqual(wordsFor('BOOKING_AT_RISK', data));
  const elsewhere = wordsFor('BOOKING_AT_RISK', { ...data, reason: 'ELSEWHERE' });
  expect([elsewhere.title, elsewhere.body]).toEqual([
    'Your car is at another station',
    expect.stringContaining('will not be at your station by then. You can move to'),
  ]);
});

test('IN-05: a confirmed booking is told in the app and by mail, with the times by Cairo', async () => {
  const mona = inbox.person('mona-#');
  await inbox.redeliver(bookingConfirmed(randomUUID(), mona.id));
  expect(await kindsTold(mona.id)).toEqual(['BOOKING_CONFIRMED']);
  const mail = await eventually(async () => (await inbox.mails()).find((kept) => kept.to === mona.address));
  expect(mail.subject).toBe('Your booking is confirmed: Toyota Corolla 2024');
  expect(mail.text).toContain('Hello Mona,');
  expect(mail.text).toContain('Mon, 1 Mar 2027, 10:00 (Cairo)');
  expect(mail.text).toContain('4,200.00 EGP');
  expect(mail.html).toContain('dir="ltr"');
});

test('events that tell nobody are taken all the same', async () => {
  await inbox.t.deliver('payments-ledger', 'reconciliation.discrepancy', randomUUID(), { reconciliationId: randomUUID(), count: 1 });
  await inbox.t.deliver('payments-ledger', 'payment.voided', randomUUID(), { paymentId: randomUUID() });
});

test('IN-04: notifications are for their owner and admins, by rule and by row-level security', async () => {
  const mona = inbox.person('mona-#');
  await inbox.t.deliver('identity', 'user.registered', mona.id, { userId: mona.id, roles: ['CUSTOMER'] });
  const id = (await told(mona.actor, mona.id)).data._entities[0]?.notifications?.nodes[0]?.id;
  expect((await told(user('ADMIN'), mona.id)).codes).toEqual([]);
  for (const actor of [user('CUSTOMER'), user('SUPPORT'), { kind: 'ANONYMOUS' as const }]) {
    const answer = await told(actor, mona.id);
    expect(answer.codes).toEqual(['FORBIDDEN']);
    expect(answer.data?._entities?.[0]?.notifications ?? null).toBe(null);
  }
  const raw = <T>(actorId: string, roles: string, work: (sql: typeof inbox.t.asService) => Promise<T>) =>
    inbox.t.asService.begin(async (sql) => {
      await sql`select set_config('waygraph.actor_id', ${actorId}, true), set_config('waygraph.actor_roles', ${roles}, true)`;
      return work(sql as never);
    }) as Promise<T>;
  const countOf = (actorId: string, roles: string) =>
    raw(actorId, roles, async (sql) => (await sql`select count(*)::int as n from notifications where user_id = ${mona.id}`)[0]?.n as number);
  expect(await countOf(mona.id, 'CUSTOMER')).toBe(1);
  expect(await countOf(randomUUID(), 'CUSTOMER,DRIVER,SUPPORT')).toBe(0);
  expect(await countOf(randomUUID(), 'ADMIN')).toBe(1);
  expect(
    await raw(randomUUID(), 'CUSTOMER', async (sql) => (await sql`update notifications set read_at = now() where user_id = ${mona.id} returning 1`).length),
  ).toBe(0);
  expect(await raw(mona.id, 'CUSTOMER', async (sql) => (await sql`delete from notifications where user_id = ${mona.id} returning 1`).length)).toBe(0);
  await expect(raw(mona.id, 'CUSTOMER', (sql) => sql`update notifications set user_id = ${randomUUID()} where user_id = ${mona.id}`)).rejects.toThrow(
    /row-level security/,
  );

  const mark = 'mutation($id: ID!) { markNotificationRead(id: $id) { id readAt } }';
  expect((await inbox.t.run({ kind: 'ANONYMOUS' }, mark, { id })).codes).toEqual(['UNAUTHENTICATED']);
  for (const actor of [user('CUSTOMER'), user('ADMIN')]) expect((await inbox.t.run(actor, mark, { id })).codes).toEqual(['NOT_FOUND']);
  for (const other of ['nonsense', publicId('ntf', randomUUID()), publicId('thr', randomUUID())])
    expect((await inbox.t.run(mona.actor, mark, { id: other })).codes).toEqual(['NOT_FOUND']);
  const first = await inbox.t.run<{ markNotificationRead: Told }>(mona.actor, mark, { id });
  const again = await inbox.t.run<{ markNotificationRead: Told }>(mona.actor, mark, { id });
  expect(first.data.markNotificationRead.readAt).not.toBe(null);
  expect(again.data).toEqual(first.data);
  expect((await told(mona.actor, mona.id, { unreadOnly: true })).data._entities[0]?.notifications?.totalCount).toBe(0);
});

test('IN-05: pages of notifications neither skip nor repeat', async () => {
  const mona = inbox.person('mona-#');
  for (let i = 0; i < 5; i += 1) await inbox.t.deliver('identity', 'user.registered', randomUUID(), { userId: mona.id, roles: [] });
  const seen: string[] = [];
  let after: string | null = null;
  do {
    const answer: Awaited<ReturnType<typeof told>> = await told(mona.actor, mona.id, { first: 2, after });
    const page = answer.data._entities[0]?.notifications;
    expect(page?.totalCount).toBe(5);
    seen.push(...(page?.nodes.map((node) => node.id) ?? []));
    after = page?.pageInfo.hasNextPage ? page.pageInfo.endCursor : null;
  } while (after);
  expect(new Set(seen).size).toBe(5);
  expect(seen.length).toBe(5);
  expect((await told(mona.actor, mona.id, { first: -1 })).codes).toEqual(['VALIDATION_ERROR']);
});

test('PL-20, PL-21: every admin is told of a flagged account and of discrepancies, once each, and nobody else', async () => {
  const [one, two, customer] = [inbox.person('admin-one-#'), inbox.person('admin-two-#'), inbox.person('customer-#')];
  for (const [person, roles] of [
    [one, ['ADMIN']],
    [two, ['SUPPORT', 'ADMIN']],
    [customer, ['CUSTOMER']],
  ] as const) {
    await inbox.t.deliver('identity', 'user.registered', person.id, { userId: person.id, roles });
  }
  const flagId = randomUUID();
  const reconciliationId = randomUUID();
  await inbox.t.deliver('payments-ledger', 'fraud.flagged', flagId, { flagId, userId: customer.id, kind: 'HIGH_VELOCITY' });
  await inbox.t.deliver('payments-ledger', 'reconciliation.discrepancy', reconciliationId, { reconciliationId, count: 3 });
  for (const admin of [one, two]) {
    expect((await kindsTold(admin.id)).sort()).toEqual(['FRAUD_FLAGGED', 'RECONCILIATION_DISCREPANCY', 'WELCOME']);
  }
  expect(await kindsTold(customer.id)).toEqual(['WELCOME']);
  const nodes = (await told(user('ADMIN'), one.id, { first: 10 })).data._entities[0]?.notifications?.nodes ?? [];
  expect(nodes.find((node) => node.kind === 'FRAUD_FLAGGED')).toMatchObject({
    about: publicId('flg', flagId),
    body: expect.stringContaining('HIGH_VELOCITY'),
  });
  expect(nodes.find((node) => node.kind === 'RECONCILIATION_DISCREPANCY')).toMatchObject({
    about: publicId('rec', reconciliationId),
    body: 'Reconciliation found 3 open discrepancies.',
  });
  expect(await inbox.t.asService`select 1 from admins`).toHaveLength(0);
});

test('IN-10: a person hears of their own new notifications, also when a hint gets lost, and of nobody else’s', async () => {
  const mona = inbox.person('mona-#');
  const karim = inbox.person('karim-#');
  const welcome = (userId: string) => inbox.t.deliver('identity', 'user.registered', randomUUID(), { userId, roles: [] });
  await welcome(mona.id);
  const document = { query: 'subscription { notificationReceived { id kind title } }' };
  const stream = await inbox.t.subgraph.subscribe(document, caller(mona.actor));
  if (!(Symbol.asyncIterator in stream)) throw new Error('refused');
  const next = stream.next();
  await welcome(karim.id);
  await inbox.t.deliver('dispatch', 'driver.approved', randomUUID(), { driverId: randomUUID(), userId: mona.id });
  expect((await next).value.data).toMatchObject({ notificationReceived: { kind: 'DRIVER_APPROVED' } });
  // Without its hint: written past the feed, as by a process that died before it could publish.
  await inbox.t.owner`insert into notifications (id, user_id, cause_id, kind, template_version, data, title, body, created_at)
    values (${randomUUID()}, ${mona.id}, ${randomUUID()}, 'WELCOME', 1, '{}', 't', 'b', now())`;
  expect((await stream.next()).value.data).toMatchObject({ notificationReceived: { kind: 'WELCOME', title: 't' } });
  const waiting = stream.next();
  const began = Date.now();
  await stream.return(undefined);
  expect((await waiting).done).toBe(true);
  expect(Date.now() - began).toBeLessThan(1_000);
  expect(await inbox.t.subgraph.subscribe(document, caller({ kind: 'ANONYMOUS' }))).toMatchObject({ errors: [{ extensions: { code: 'UNAUTHENTICATED' } }] });
});

test('EV-02: an address comes from the graph, asked as SYSTEM when the mail is sent', async () => {
  await using provider = await startFakeProvider();
  const asked: unknown[] = [];
  const graph = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    asked.push(verifyInternalToken(request.headers.authorization?.replace('Internal ', ''), TEST_SECRET, new Date()));
    const node = { id: JSON.parse(body).variables.id, name: 'Laila', email: 'Laila@Example.test' };
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ data: { node } }));
  });
  await new Promise<void>((resolve) => graph.listen(0, '127.0.0.1', resolve));
  const address = graph.address();
  const graphUrl = () => `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}/graphql`;
  try {
    const config = readInboxConfig({ RESEND_API_KEY: 're_test', RESEND_API_URL: provider.url });
    await using t = await startTestSubgraph('inbox', (environment) => startInbox(environment, config), { env: { graphUrl } });
    // The pages of the local provider are not there with another one.
    expect(t.subgraph.routes.map((route) => route.path)).toEqual(['/webhooks/resend']);
    await t.deliver('dispatch', 'driver.approved', randomUUID(), { driverId: randomUUID(), userId: randomUUID() });
    await eventually(() => provider.sent.length === 1);
    expect(provider.sent[0]).toMatchObject({ to: 'laila@example.test', subject: 'You can drive now' });
    expect(asked).toEqual([{ kind: 'SYSTEM', job: 'inbox.address' }]);
  } finally {
    graph.closeAllConnections();
    graph.close();
  }
});
