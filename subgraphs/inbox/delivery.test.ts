import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { eventually, user } from '../../test/subgraphHarness.js';
import { afterProviderEvent, type DeliveryStatus, retryPauseMs } from './delivery.js';
import { bookingConfirmed, type FakeProvider, startFakeProvider, startTestInbox, type TestInbox } from './inbox.given.js';

let provider: FakeProvider;
let inbox: TestInbox;
beforeAll(async () => {
  provider = await startFakeProvider();
  inbox = await startTestInbox({ mailProvider: 'resend', resendApiKey: 're_test', resendApiUrl: provider.url, mailsPerMinute: 10_000 });
});
afterAll(async () => {
  await inbox[Symbol.asyncDispose]();
  await provider[Symbol.asyncDispose]();
});
afterEach(() => {
  provider.behave = () => 'work';
});

const admin = user('ADMIN');

/** A paid booking: mails its customer a receipt, and nothing else. */
async function receiptFor(userId: string, paymentId = randomUUID()) {
  await inbox.t.deliver('payments-ledger', 'payment.captured', paymentId, {
    ...{ paymentId, subjectType: 'BOOKING', subjectId: randomUUID(), payerId: userId, amountMinor: '125050', currency: 'EGP', method: 'CARD' },
  });
}
const statusOf = async (userId: string) =>
  (await inbox.t.owner`select status from mail_deliveries where to_user_id = ${userId}`).map((row) => row.status as string);
const sentTo = (address: string) => provider.sent.filter((mail) => mail.to === address);
const DELIVERIES = `query($status: DeliveryStatus, $first: Int, $after: String) { deliveries(status: $status, first: $first, after: $after) { totalCount
    nodes { id kind status attempts lastError toAddress toUser { id } nextAttemptAt failures { attempt reason } } pageInfo { hasNextPage endCursor } } }`;
interface Deliveries {
  deliveries: {
    totalCount: number;
    nodes: { id: string; status: string; attempts: number; lastError: string; toAddress: string; failures: unknown[] }[];
    pageInfo: { hasNextPage: boolean; endCursor: string };
  };
}
const deliveryTo = async (address: string) => {
  const { data } = await inbox.t.run<Deliveries>(admin, DELIVERIES, { first: 100 });
  return data.deliveries.nodes.find((node) => node.toAddress === address);
};

test('IN-05: a receipt says what was paid, and is marked as written by a machine', async () => {
  const mona = inbox.person('mona-#');
  await receiptFor(mona.id);
  await eventually(async () => (await statusOf(mona.id))[0] === 'SENT');
  expect(sentTo(mona.address)).toMatchObject([{ subject: 'Your receipt: 1,250.50 EGP', headers: { 'Auto-Submitted': 'auto-generated' } }]);
});

test('IN-06: a provider that fails twice gets the mail at the third call, once', async () => {
  const mona = inbox.person('mona-#');
  let calls = 0;
  provider.behave = ({ to }) => (to === mona.address && ++calls <= 2 ? 'fail' : 'work');
  await receiptFor(mona.id);
  await eventually(async () => (await statusOf(mona.id))[0] === 'SENT');
  expect(calls).toBe(3);
  expect(sentTo(mona.address).length).toBe(1);
  expect(await deliveryTo(mona.address)).toMatchObject({ attempts: 3, failures: [{ attempt: 1, reason: expect.stringContaining('500') }, { attempt: 2 }] });
});

test('IN-06: an answer that got lost does not send twice: the next call carries the same key', async () => {
  const mona = inbox.person('mona-#');
  let calls = 0;
  provider.behave = ({ to }) => (to === mona.address && ++calls === 1 ? 'swallow answer' : 'work');
  await receiptFor(mona.id);
  await eventually(async () => (await statusOf(mona.id))[0] === 'SENT');
  expect(calls).toBe(2);
  expect(sentTo(mona.address).length).toBe(1);
});

test('IN-06: a mail that always fails becomes a dead letter with its whole story, and is sent when retried after the provider recovered', async () => {
  const mona = inbox.person('mona-#');
  provider.behave = ({ to }) => (to === mona.address ? 'fail' : 'work');
  await receiptFor(mona.id);
  await eventually(async () => (await statusOf(mona.id))[0] === 'DEAD');
  const dead = await deliveryTo(mona.address);
  expect(dead).toMatchObject({ status: 'DEAD', kind: 'RECEIPT', attempts: 5, lastError: expect.stringContaining('told to fail'), nextAttemptAt: null });
  expect(dead?.failures.length).toBe(5);
  expect(await inbox.t.emitted('delivery.failed')).toContainEqual(expect.objectContaining({ kind: 'RECEIPT', attempts: 5 }));
  provider.behave = () => 'work';
  const retry = 'mutation($id: ID!) { retryDelivery(id: $id) { status attempts } }';
  expect((await inbox.t.run(admin, retry, { id: dead?.id })).data).toEqual({ retryDelivery: { status: 'PENDING', attempts: 0 } });
  await eventually(async () => (await statusOf(mona.id))[0] === 'SENT');
  expect(sentTo(mona.address).length).toBe(1);
  // Once it is under way there is nothing to retry, and nothing wrong with asking.
  expect((await inbox.t.run(admin, retry, { id: dead?.id })).data).toMatchObject({ retryDelivery: { status: 'SENT' } });
});

test('IN-06: a mail that the provider refuses for good is dead at once', async () => {
  const mona = inbox.person('mona-#');
  provider.behave = ({ to }) => (to === mona.address ? 'refuse' : 'work');
  await receiptFor(mona.id);
  await eventually(async () => (await statusOf(mona.id))[0] === 'DEAD');
  expect(await deliveryTo(mona.address)).toMatchObject({ attempts: 1, lastError: '422 validation_error: told to refuse' });
});

test('IN-06: of 20 mails through a provider that fails 30 % of calls, none is lost and none sent twice', async () => {
  const people = Array.from({ length: 20 }, () => inbox.person('burst-#'));
  // Fixed by key and call, so that every run is the same: a third of the calls fail, some of them after the mail was taken.
  const calls = new Map<string, number>();
  const moods = ['fail', 'work', 'swallow answer', 'work', 'work', 'work', 'fail', 'work', 'work', 'work'] as const;
  provider.behave = ({ key }) => {
    const call = (calls.get(key) ?? 0) + 1;
    calls.set(key, call);
    return moods[(calls.size * 7 + call * 3) % moods.length] ?? 'work';
  };
  await Promise.all(people.map(({ id }) => receiptFor(id)));
  await eventually(async () => {
    const statuses = await Promise.all(people.map(({ id }) => statusOf(id)));
    return statuses.every(([status]) => status === 'SENT');
  }, 'all mails sent');
  expect(people.map(({ address }) => sentTo(address).length)).toEqual(people.map(() => 1));
  expect([...calls.values()].reduce((sum, count) => sum + count, 0)).toBeGreaterThan(24);
});

test('IN-05: the same event again mails once, also when the record of consumed events was lost', async () => {
  const mona = inbox.person('mona-#');
  const bookingId = randomUUID();
  const event = bookingConfirmed(bookingId, mona.id);
  const [first, second] = [
    { ...event, id: randomUUID() },
    { ...event, id: randomUUID(), sequence: 2, previousSequence: 1 },
  ];
  await inbox.redeliver(first);
  await inbox.redeliver(first);
  await inbox.t.owner`delete from consumed_events where event_id = ${first.id}`;
  await inbox.t.owner`delete from consumer_positions where aggregate_id = ${bookingId}`;
  await inbox.redeliver(first);
  // Another event of the same kind is another cause.
  await inbox.redeliver(second);
  await eventually(async () => (await statusOf(mona.id)).join() === 'SENT,SENT');
  expect(sentTo(mona.address).length).toBe(2);
  expect((await inbox.t.owner`select 1 from notifications where user_id = ${mona.id}`).length).toBe(2);
});

test('IN-06: the graph being away delays a mail, and a person without an address gets none', async () => {
  const id = randomUUID();
  await receiptFor(id);
  await eventually(async () => ((await inbox.t.owner`select attempts from mail_deliveries where to_user_id = ${id}`)[0]?.attempts as number) >= 2);
  inbox.addressBook.set(id, null);
  await eventually(async () => (await statusOf(id))[0] === 'SKIPPED');
  const [row] = await inbox.t.owner`select skip_reason from mail_deliveries where to_user_id = ${id}`;
  expect(row?.skip_reason).toBe('NO_ADDRESS');
});

test('IN-08: after a hard bounce or a complaint the address gets no more mail; after a soft one it does', async () => {
  for (const [type, bounce, final] of [
    ['email.bounced', { type: 'Permanent', message: 'no such mailbox' }, 'BOUNCED'],
    ['email.complained', undefined, 'COMPLAINED'],
    ['email.bounced', { type: 'Transient', message: 'mailbox full' }, 'SENT'],
  ] as const) {
    const mona = inbox.person('mona-#');
    await receiptFor(mona.id);
    await eventually(async () => (await statusOf(mona.id))[0] === 'SENT');
    const eventId = `msg_${randomUUID()}`;
    await inbox.webhook(
      { type, created_at: new Date().toISOString(), data: { email_id: sentTo(mona.address)[0]?.id, to: [mona.address], bounce } },
      { eventId },
    );
    await eventually(async () => (await inbox.t.owner`select outcome from provider_events where event_id = ${eventId}`)[0]?.outcome === 'APPLIED');
    expect(await statusOf(mona.id)).toEqual([final]);
    await receiptFor(mona.id);
    const next = final === 'SENT' ? 'SENT' : 'SKIPPED';
    await eventually(async () => (await statusOf(mona.id)).filter((status) => status === next).length === (final === 'SENT' ? 2 : 1));
    expect(sentTo(mona.address).length).toBe(final === 'SENT' ? 2 : 1);
  }
});

test('IN-01: what the provider says before we know the id of a mail is applied when we do, whatever the order', async () => {
  const mona = inbox.person('mona-#');
  let told = false;
  const mailIdOf = () => sentTo(mona.address)[0]?.id;
  // The provider takes the mail, its answer is lost, and its webhook is here before our next call.
  provider.behave = ({ to }) => (to !== mona.address ? 'work' : told ? 'work' : mailIdOf() ? 'fail' : 'swallow answer');
  await receiptFor(mona.id);
  const emailId = await eventually(mailIdOf);
  const say = async (type: string) => {
    const eventId = `msg_${randomUUID()}`;
    await inbox.webhook({ type, created_at: new Date().toISOString(), data: { email_id: emailId, to: [mona.address] } }, { eventId });
    return eventually(async () => (await inbox.t.owner`select outcome from provider_events where event_id = ${eventId}`)[0]?.outcome as string);
  };
  expect(await say('email.delivered')).toBe('UNMATCHED');
  told = true;
  await eventually(async () => (await statusOf(mona.id))[0] === 'DELIVERED');
  await say('email.sent');
  expect(await statusOf(mona.id)).toEqual(['DELIVERED']);
});

test('IN-01: each event only moves a mail forward', () => {
  const story = (...events: string[]) => events.reduce<DeliveryStatus>(afterProviderEvent, 'SENT');
  expect(story('email.delivered', 'email.sent')).toBe('DELIVERED');
  expect(story('email.bounced', 'email.delivered')).toBe('BOUNCED');
  expect(story('email.delivered', 'email.bounced', 'email.opened')).toBe('BOUNCED');
  expect(story('email.complained', 'email.bounced')).toBe('COMPLAINED');
  expect(story('email.delivery_delayed', 'something.new')).toBe('SENT');
});

test('IN-06: pauses double up to a limit, and are never the same for all', () => {
  const policy = { maxAttempts: 10, firstRetryMs: 1_000, maxRetryMs: 60_000, leaseMs: 1 };
  expect([1, 2, 3, 4, 9].map((attempt) => retryPauseMs(attempt, policy, 0))).toEqual([1_000, 2_000, 4_000, 8_000, 60_000]);
  expect(retryPauseMs(1, policy, 1)).toBe(750);
});

test('IN-07: where a webhook leaves the body out, it is fetched; a mail whose body nobody has is kept all the same', async () => {
  provider.received.set('with-body', { text: 'the body', headers: { 'Message-ID': '<m@b.test>', References: '<r@b.test>' } });
  for (const emailId of ['with-body', 'without-body']) await inbox.mailIn({ from: 'a@b.test', subject: emailId, emailId });
  expect(await inbox.t.owner`select subject, text, message_id, reference_ids from messages order by subject`).toEqual([
    { subject: 'with-body', text: 'the body', message_id: '<m@b.test>', reference_ids: ['<r@b.test>'] },
    { subject: 'without-body', text: '', message_id: null, reference_ids: [] },
  ]);
});

test('IN-06: admins retry all dead letters and discard one; nobody else may look', async () => {
  const people = [inbox.person('mona-#'), inbox.person('mona-#'), inbox.person('mona-#')];
  provider.behave = () => 'refuse';
  for (const { id } of people) await receiptFor(id);
  await eventually(async () => (await Promise.all(people.map(({ id }) => statusOf(id)))).flat().every((status) => status === 'DEAD'));
  provider.behave = () => 'work';
  const given = (await deliveryTo(people[0]?.address ?? ''))?.id;
  const discard = 'mutation($id: ID!) { discardDelivery(id: $id) { status } }';
  for (let i = 0; i < 2; i += 1) expect((await inbox.t.run(admin, discard, { id: given })).data).toEqual({ discardDelivery: { status: 'DISCARDED' } });
  expect((await inbox.t.run(admin, 'mutation($id: ID!) { retryDelivery(id: $id) { id } }', { id: given })).codes).toEqual(['DELIVERY_NOT_DEAD']);
  const { data } = await inbox.t.run<{ retryAllDeliveries: number }>(admin, 'mutation { retryAllDeliveries }');
  expect(data.retryAllDeliveries).toBeGreaterThanOrEqual(2);
  await eventually(async () => (await Promise.all(people.map(({ id }) => statusOf(id)))).flat().join() === 'DISCARDED,SENT,SENT');
  expect(people.map(({ address }) => sentTo(address).length)).toEqual([0, 1, 1]);
  const sent = (await deliveryTo(people[1]?.address ?? ''))?.id;
  expect((await inbox.t.run(admin, discard, { id: sent })).codes).toEqual(['DELIVERY_OVER']);
  for (const id of ['nonsense', `dlv_${'0'.repeat(26)}`, 'thr_01h455vb4pex5vsknk084sn02q']) {
    expect((await inbox.t.run(admin, discard, { id })).codes).toEqual(['NOT_FOUND']);
    expect((await inbox.t.run(admin, 'mutation($id: ID!) { retryDelivery(id: $id) { id } }', { id })).codes).toEqual(['NOT_FOUND']);
  }
  for (const query of [
    '{ deliveries { totalCount } }',
    'mutation { retryAllDeliveries }',
    'mutation { discardDelivery(id: "x") { id } }',
    'mutation { retryDelivery(id: "x") { id } }',
  ]) {
    expect((await inbox.t.run(user('CUSTOMER'), query)).codes).toEqual(['FORBIDDEN']);
    expect((await inbox.t.run(user('SUPPORT'), query)).codes).toEqual(['FORBIDDEN']);
    expect((await inbox.t.run({ kind: 'ANONYMOUS' }, query)).codes).toEqual(['UNAUTHENTICATED']);
  }
});

test('IN-06: pages of deliveries neither skip nor repeat', async () => {
  const seen: string[] = [];
  let after: string | null = null;
  do {
    const { data }: { data: Deliveries } = await inbox.t.run<Deliveries>(admin, DELIVERIES, { first: 7, after });
    seen.push(...data.deliveries.nodes.map((node) => node.id));
    after = data.deliveries.pageInfo.hasNextPage ? data.deliveries.pageInfo.endCursor : null;
  } while (after);
  const [count] = await inbox.t.owner`select count(*)::int as n from mail_deliveries`;
  expect(new Set(seen).size).toBe(count?.n);
  expect(seen.length).toBe(count?.n);
  expect((await inbox.t.run(admin, DELIVERIES, { first: 101 })).codes).toEqual(['VALIDATION_ERROR']);
});
