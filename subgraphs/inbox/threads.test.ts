import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemActor } from '../../platform/actor.js';
import { publicId } from '../../platform/ids.js';
import { eventually, user } from '../../test/subgraphHarness.js';
import { bookingConfirmed, startTestInbox, type TestInbox } from './inbox.given.js';
import { afterInbound, isAutomatic, subjectKey } from './thread.js';

let inbox: TestInbox;
beforeAll(async () => {
  inbox = await startTestInbox();
});
afterAll(() => inbox[Symbol.asyncDispose]());

const admin = user('ADMIN');
const support = user('SUPPORT');

interface ThreadAnswer {
  id: string;
  subject: string;
  status: string;
  unread: boolean;
  participant: { address: string; name: string | null };
  user: { id: string } | null;
  booking: { id: string } | null;
  messages: {
    id: string;
    direction: string;
    automatic: boolean;
    text: string;
    html: string | null;
    deliveryStatus: string | null;
    author: { id: string } | null;
  }[];
}
const FIELDS =
  'id subject status unread participant { address name } user { id } booking { id } ' +
  'messages { id direction automatic text html sentAt deliveryStatus author { id } }';
const read = async (threadId: string | null, actor = support as typeof admin) =>
  (await inbox.t.run<{ thread: ThreadAnswer }>(actor, `query($id: ID!) { thread(id: $id) { ${FIELDS} } }`, { id: publicId('thr', threadId ?? '') })).data
    .thread;
const list = (variables: Record<string, unknown>, actor = support as typeof admin) =>
  inbox.t.run<{ threads: { totalCount: number; nodes: ThreadAnswer[]; pageInfo: { hasNextPage: boolean; endCursor: string } } }>(
    actor,
    `query($filter: ThreadFilter, $first: Int, $after: String) { threads(filter: $filter, first: $first, after: $after) {
      totalCount nodes { ${FIELDS} } pageInfo { hasNextPage endCursor } } }`,
    variables,
  );
const REPLY = 'mutation($input: ReplyInput!) { replyToThread(input: $input) { id direction text deliveryStatus } }';
const reply = (threadId: string | null, text: string, more: Record<string, unknown> = {}, actor = support as typeof admin) =>
  inbox.t.run<{ replyToThread: { id: string; deliveryStatus: string } }>(actor, REPLY, { input: { threadId: publicId('thr', threadId ?? ''), text, ...more } });
const someone = (name: string) => `${name}-${randomUUID().slice(0, 8)}@example.test`;
const mailsTo = async (address: string) => (await inbox.mails()).filter((mail) => mail.to === address);

test('IN-02: a mail opens a thread, the answer carries References, and what comes back joins it', async () => {
  const from = someone('mona');
  const { threadId } = await inbox.mailIn({ from: `Mona <${from}>`, subject: 'Where is my invoice?', text: 'Please send it.', messageId: '<first@mona.test>' });
  expect(await read(threadId)).toMatchObject({ subject: 'Where is my invoice?', status: 'OPEN', unread: true, participant: { address: from, name: 'Mona' } });
  const answered = await reply(threadId, 'Here it is.');
  expect(answered.errors).toEqual([]);
  expect(answered.data.replyToThread).toMatchObject({ direction: 'OUTBOUND', deliveryStatus: 'PENDING' });
  await eventually(async () => (await read(threadId)).messages[1]?.deliveryStatus === 'DELIVERED');
  const [mail] = await mailsTo(from);
  expect(mail).toMatchObject({
    subject: 'Re: Where is my invoice?',
    text: 'Here it is.',
    headers: { 'In-Reply-To': '<first@mona.test>', References: '<first@mona.test>' },
  });
  expect(await read(threadId)).toMatchObject({ status: 'PENDING', unread: false, messages: [{}, { author: { id: publicId('usr', support.id) } }] });
  const back = await inbox.mailIn({ from, subject: 'something else', text: 'Thanks', headers: { 'In-Reply-To': mail?.headers['Message-ID'] ?? '' } });
  expect(back.threadId).toBe(threadId);
  expect(await read(threadId)).toMatchObject({ status: 'OPEN', unread: true, messages: [{}, {}, { text: 'Thanks', direction: 'INBOUND' }] });
  expect(await inbox.t.emitted('mail.received')).toContainEqual(expect.objectContaining({ threadId }));
});

test("IN-02: a forged reference does not join a stranger's thread", async () => {
  const victim = someone('victim');
  const { threadId } = await inbox.mailIn({ from: victim, subject: 'My refund', text: 'secret', messageId: `<${randomUUID()}@victim.test>` });
  await reply(threadId, 'We are on it.');
  const [sent] = await eventually(async () => ((await mailsTo(victim)).length > 0 ? mailsTo(victim) : null));
  const stranger = someone('stranger');
  for (const subject of ['Re: My refund', 'Hello']) {
    const forged = await inbox.mailIn({
      from: stranger,
      subject,
      text: 'me too',
      headers: { References: `<x@y.test> ${sent?.headers['Message-ID']}`, 'In-Reply-To': sent?.headers['Message-ID'] ?? '' },
    });
    expect(forged.threadId).not.toBe(threadId);
    expect((await read(forged.threadId)).participant.address).toBe(stranger);
  }
  expect((await read(threadId)).messages.map((message) => message.text)).toEqual(['secret', 'We are on it.']);
});

test('IN-02: without references, the same address and subject go on; a closed thread does not', async () => {
  const from = someone('karim');
  const first = await inbox.mailIn({ from, subject: 'Sunglasses', text: 'one' });
  const second = await inbox.mailIn({ from: from.toUpperCase(), subject: 'RE: Fwd: sunglasses', text: 'two' });
  expect(second.threadId).toBe(first.threadId);
  expect((await inbox.mailIn({ from: someone('karim'), subject: 'Sunglasses', text: 'other' })).threadId).not.toBe(first.threadId);
  const close = 'mutation($id: ID!) { closeThread(id: $id) { status unread } }';
  for (let i = 0; i < 2; i += 1) {
    expect((await inbox.t.run(support, close, { id: publicId('thr', first.threadId ?? '') })).data).toEqual({
      closeThread: { status: 'CLOSED', unread: false },
    });
  }
  expect((await inbox.mailIn({ from, subject: 'Sunglasses', text: 'three' })).threadId).not.toBe(first.threadId);
  expect((await inbox.mailIn({ from, subject: '', text: 'no subject' })).threadId).not.toBe(
    (await inbox.mailIn({ from, subject: '', text: 'none again' })).threadId,
  );
});

test('IN-02: mails that come at once make one thread, and one mail in two webhooks is one message', async () => {
  const from = someone('busy');
  const answers = await Promise.all(Array.from({ length: 6 }, (_, i) => inbox.mailIn({ from, subject: 'Burst', text: `mail ${i}` })));
  expect(new Set(answers.map((answer) => answer.threadId)).size).toBe(1);
  expect((await read(answers[0]?.threadId ?? null)).messages.length).toBe(6);
  const emailId = answers[0]?.emailId;
  const eventId = `msg_${randomUUID()}`;
  await inbox.webhook({ type: 'email.received', data: { email_id: emailId, from, subject: 'Burst', text: 'mail 0' } }, { eventId });
  await eventually(async () => (await inbox.t.owner`select outcome from provider_events where event_id = ${eventId}`)[0]?.outcome === 'APPLIED');
  expect((await read(answers[0]?.threadId ?? null)).messages.length).toBe(6);
});

test('IN-02: an answer to one of our notices opens a thread that knows whose it is and which booking it is about', async () => {
  const mona = inbox.person('mona-#');
  const bookingId = randomUUID();
  await inbox.redeliver(bookingConfirmed(bookingId, mona.id));
  const [notice] = await eventually(async () => ((await mailsTo(mona.address)).length > 0 ? mailsTo(mona.address) : null));
  await eventually(async () => (await inbox.t.owner`select status from mail_deliveries where booking_id = ${bookingId}`)[0]?.status === 'DELIVERED');
  const { threadId } = await inbox.mailIn({
    from: mona.address,
    subject: `Re: ${notice?.subject}`,
    text: 'May I come later?',
    headers: { 'in-reply-to': notice?.headers['Message-ID'] ?? '' },
  });
  const thread = await read(threadId);
  expect(thread).toMatchObject({ user: { id: publicId('usr', mona.id) }, booking: { id: publicId('bkg', bookingId) }, unread: true });
  expect(thread.messages).toMatchObject([
    { direction: 'OUTBOUND', automatic: true, deliveryStatus: 'DELIVERED' },
    { direction: 'INBOUND', text: 'May I come later?' },
  ]);
  const bookings = (actor: Parameters<typeof inbox.t.run>[0]) =>
    inbox.t.run<{ _entities: ({ thread: { id: string } | null } | null)[] }>(
      actor,
      'query($r: [_Any!]!) { _entities(representations: $r) { ... on Booking { thread { id } } } }',
      {
        r: [{ __typename: 'Booking', id: publicId('bkg', bookingId) }],
      },
    );
  expect((await bookings(support)).data._entities[0]?.thread?.id).toBe(thread.id);
  const asOwner = await bookings(mona.actor);
  expect(asOwner.codes).toEqual(['FORBIDDEN']);
  expect(asOwner.data._entities[0]?.thread ?? null).toBe(null);
  // A mail that merely names the booking is linked when the address is known for it, and not when anybody else writes it.
  const named = await inbox.mailIn({ from: mona.address, subject: `Question about ${publicId('bkg', bookingId)}`, text: 'x' });
  expect((await read(named.threadId)).booking?.id).toBe(publicId('bkg', bookingId));
  const stranger = await inbox.mailIn({ from: someone('s'), subject: `Question about ${publicId('bkg', bookingId)}`, text: 'x' });
  expect((await read(stranger.threadId)).booking).toBe(null);
});

test('IN-02: what machines write is kept and marked, reopens nothing, and is not answered', async () => {
  const from = someone('away');
  const { threadId } = await inbox.mailIn({ from, subject: 'Hello', text: 'a person', messageId: '<p@away.test>' });
  await reply(threadId, 'an answer');
  await inbox.mailIn({
    from,
    subject: 'Out of office: Hello',
    text: 'I am away',
    headers: { 'Auto-Submitted': 'auto-replied', 'In-Reply-To': '<p@away.test>' },
  });
  expect(await read(threadId)).toMatchObject({ status: 'PENDING', unread: false, messages: [{}, {}, { automatic: true, text: 'I am away' }] });
  const bounce = await inbox.mailIn({ from: 'Mail Delivery System <MAILER-DAEMON@example.test>', subject: 'Undelivered Mail', text: 'it failed' });
  expect(await read(bounce.threadId)).toMatchObject({ status: 'CLOSED', unread: false, messages: [{ automatic: true }] });
  expect((await reply(bounce.threadId, 'hello machine')).codes).toEqual(['THREAD_IS_AUTOMATIC']);
  expect(isAutomatic({ address: 'a@b.test', name: null }, { precedence: 'bulk' }, 'us@x.test')).toBe(true);
  expect(isAutomatic({ address: 'us@x.test', name: null }, {}, 'us@x.test')).toBe(true);
  expect(isAutomatic({ address: 'a@b.test', name: null }, { 'auto-submitted': 'no' }, 'us@x.test')).toBe(false);
  expect(afterInbound('CLOSED', false)).toBe('OPEN');
  expect(['Re: AW: Fwd:  Hi  there', 'hi there', 'رد: hi there', 'Re[2]: HI THERE'].map(subjectKey)).toEqual(Array(4).fill('hi there'));
});

test('IN-02: an answer to an address that bounces comes back as unread, and the address gets no more mail', async () => {
  const from = someone('gone').replace('@', '+bounce@');
  const { threadId } = await inbox.mailIn({ from, subject: 'Hello', text: 'x' });
  await reply(threadId, 'an answer');
  await eventually(async () => (await read(threadId)).messages[1]?.deliveryStatus === 'BOUNCED');
  expect(await read(threadId)).toMatchObject({ status: 'OPEN', unread: true });
  await reply(threadId, 'once more');
  await eventually(async () => (await read(threadId)).messages[2]?.deliveryStatus === 'SKIPPED');
  expect((await mailsTo(from)).length).toBe(1);
});

test('IN-07: the local provider fails as often as an address tells it to, and then works, once', async () => {
  const from = someone('flaky').replace('@', '+fail2@');
  const { threadId } = await inbox.mailIn({ from, subject: 'Hello', text: 'x' });
  await reply(threadId, 'an answer');
  await eventually(async () => (await read(threadId)).messages[1]?.deliveryStatus === 'DELIVERED');
  expect((await mailsTo(from)).length).toBe(1);
  expect((await inbox.t.owner`select attempts from mail_deliveries where to_address = ${from}`)[0]?.attempts).toBe(3);
});

test('IN-03: HTML mails are shown without what runs, fetches or styles, and have a text', async () => {
  const html = '<p onclick="x()">Hello <b>there</b></p><script>steal()</script><img src="https://track.test/p.gif"><a href="javascript:x()">link</a>';
  const { threadId } = await inbox.mailIn({ from: someone('html'), subject: 'H', html });
  const [message] = (await read(threadId)).messages;
  expect(message?.html).toBe('<p>Hello <b>there</b></p><a>link</a>');
  expect(message?.text).toBe('Hello there\nlink');
});

test('IN-03: the list is filtered by status, unread and text, and paged without skips or repeats', async () => {
  const word = `zebra${randomUUID().slice(0, 6)}`;
  const threads = [];
  for (let i = 0; i < 5; i += 1)
    threads.push(
      (
        await inbox.mailIn({
          from: `Ali ${word} <${someone('ali')}>`,
          subject: i % 2 ? 'odd' : 'even',
          text: i === 3 ? '100% of the refund_policy' : 'nothing',
        })
      ).threadId,
    );
  await inbox.t.run(admin, 'mutation($id: ID!) { markThreadRead(id: $id) { unread } }', { id: publicId('thr', threads[0] ?? '') });
  const ids = async (filter: Record<string, unknown>) => (await list({ filter, first: 100 })).data.threads.nodes.map((node) => node.id);
  expect((await ids({ text: word })).length).toBe(5);
  expect(await ids({ text: `${word.slice(1, -1)} 100% refund_policy` })).toEqual([publicId('thr', threads[3] ?? '')]);
  expect(await ids({ text: `${word} refundXpolicy` })).toEqual([]);
  expect((await ids({ text: word, unread: true })).length).toBe(4);
  expect((await ids({ text: word, status: 'CLOSED' })).length).toBe(0);
  const seen: string[] = [];
  let after: string | null = null;
  do {
    const answer: Awaited<ReturnType<typeof list>> = await list({ filter: { text: word }, first: 2, after });
    expect(answer.data.threads.totalCount).toBe(5);
    seen.push(...answer.data.threads.nodes.map((node) => node.id));
    after = answer.data.threads.pageInfo.hasNextPage ? answer.data.threads.pageInfo.endCursor : null;
  } while (after);
  expect(seen).toEqual(threads.reverse().map((id) => publicId('thr', id ?? '')));
  expect((await list({ first: 2, after: 'nonsense' })).codes).toEqual(['VALIDATION_ERROR']);
  expect((await list({ filter: { text: 'x'.repeat(201) } })).errors[0]?.extensions.details).toMatchObject({ field: 'filter.text' });
});

test('IN-03: many threads with their messages are two queries', async () => {
  const batch = '%from "messages" inner join%row_number()%';
  const before = await inbox.t.statements(batch);
  expect((await list({ first: 20 })).data.threads.nodes.length).toBeGreaterThan(5);
  expect((await inbox.t.statements(batch)) - before).toBe(1);
});

test('IN-03: the same key answers once; a wrong id or text is refused', async () => {
  const { threadId } = await inbox.mailIn({ from: someone('key'), subject: 'K', text: 'x' });
  const key = randomUUID();
  const answers = await Promise.all([reply(threadId, 'once', { idempotencyKey: key }), reply(threadId, 'once', { idempotencyKey: key })]);
  expect(new Set(answers.map((answer) => answer.data.replyToThread.id)).size).toBe(1);
  expect((await reply(threadId, 'another text', { idempotencyKey: key })).codes).toEqual(['IDEMPOTENCY_KEY_REUSED']);
  expect((await read(threadId)).messages.length).toBe(2);
  expect((await reply(threadId, '  ')).errors[0]?.extensions.details).toMatchObject({ field: 'input.text' });
  expect((await reply(threadId, 'x'.repeat(20_001))).codes).toEqual(['VALIDATION_ERROR']);
  for (const id of ['nonsense', publicId('thr', randomUUID()), publicId('bkg', randomUUID())]) {
    expect((await inbox.t.run(support, REPLY, { input: { threadId: id, text: 'x' } })).codes).toEqual(['NOT_FOUND']);
    expect((await inbox.t.run(support, 'mutation($id: ID!) { closeThread(id: $id) { id } }', { id })).codes).toEqual(['NOT_FOUND']);
    expect((await inbox.t.run(support, 'mutation($id: ID!) { markThreadRead(id: $id) { id } }', { id })).codes).toEqual(['NOT_FOUND']);
    expect((await inbox.t.run(support, 'query($id: ID!) { thread(id: $id) { id } }', { id })).data).toEqual({ thread: null });
  }
});

test('IN-04: threads are for staff, by rule and by row-level security', async () => {
  const { threadId } = await inbox.mailIn({ from: someone('private'), subject: 'P', text: 'private' });
  const id = publicId('thr', threadId ?? '');
  const calls = [
    '{ threads { totalCount } }',
    `{ thread(id: "${id}") { id } }`,
    `mutation { closeThread(id: "${id}") { id } }`,
    `mutation { markThreadRead(id: "${id}") { id } }`,
    `mutation { replyToThread(input: { threadId: "${id}", text: "x" }) { id } }`,
  ];
  for (const call of calls) {
    for (const role of ['CUSTOMER', 'DRIVER', 'PARTNER'] as const) expect((await inbox.t.run(user(role), call)).codes).toEqual(['FORBIDDEN']);
    expect((await inbox.t.run({ kind: 'ANONYMOUS' }, call)).codes).toEqual(['UNAUTHENTICATED']);
  }
  const entity = (actor: Parameters<typeof inbox.t.run>[0], key: string) =>
    inbox.t.run<{ _entities: unknown[] }>(actor, 'query($r: [_Any!]!) { _entities(representations: $r) { ... on Thread { subject } } }', {
      r: [{ __typename: 'Thread', [key]: id }],
    });
  expect((await entity(support, 'ref')).data._entities).toEqual([{ subject: 'P' }]);
  expect((await entity(user('CUSTOMER'), 'ref')).data._entities).toEqual([null]);
  expect((await entity(user('CUSTOMER'), 'id')).data._entities).toEqual([null]);

  const countsAs = (actorId: string, roles: string) =>
    inbox.t.asService.begin(async (sql) => {
      await sql`select set_config('waygraph.actor_id', ${actorId}, true), set_config('waygraph.actor_roles', ${roles}, true)`;
      const [row] = await sql`select (select count(*) from threads)::int + (select count(*) from messages)::int + (select count(*) from provider_events)::int
        + (select count(*) from mail_deliveries)::int + (select count(*) from suppressions)::int as n`;
      return row?.n as number;
    });
  expect(await countsAs(randomUUID(), 'CUSTOMER')).toBe(0);
  expect(await countsAs('', '')).toBe(0);
  expect(await countsAs(randomUUID(), 'SUPPORT')).toBeGreaterThan(0);
  expect(await countsAs(randomUUID(), 'ADMIN')).toBeGreaterThan(0);
  const forge = inbox.t.asService.begin(async (sql) => {
    await sql`select set_config('waygraph.actor_id', ${randomUUID()}, true), set_config('waygraph.actor_roles', 'CUSTOMER', true)`;
    await sql`insert into suppressions (address, reason, created_at) values ('x@y.test', 'BOUNCED', now())`;
  });
  await expect(forge).rejects.toThrow(/row-level security/);
});

test('IN-10: staff hear of a new mail, an answer and its delivery, with the messages of then; others do not', async () => {
  const document = { query: 'subscription { threadUpdated { id status unread messages { text deliveryStatus } } }' };
  const caller = { actor: support, traceId: '0'.repeat(32), idempotencyKey: null, clientIp: null };
  const stream = await inbox.t.subgraph.subscribe(document, caller);
  if (!(Symbol.asyncIterator in stream)) throw new Error('refused');
  const from = someone('live');
  const { threadId } = await inbox.mailIn({ from, subject: 'Live', text: 'first' });
  const states: { id: string; status: string; messages: { text: string; deliveryStatus: string | null }[] }[] = [];
  const nextOfThread = async () => {
    for (;;) {
      const { value } = await stream.next();
      const state = value.data.threadUpdated;
      if (state.id === publicId('thr', threadId ?? '')) return states[states.push(state) - 1];
    }
  };
  expect(await nextOfThread()).toMatchObject({ status: 'OPEN', unread: true, messages: [{ text: 'first' }] });
  await reply(threadId, 'second');
  while ((states.at(-1)?.messages[1]?.deliveryStatus ?? '') !== 'DELIVERED') await nextOfThread();
  // Arrived, answered, taken, delivered: states that follow closely may be told as one, and none is told twice.
  expect(states.length).toBeLessThanOrEqual(4);
  const waiting = stream.next();
  await stream.return(undefined);
  expect((await waiting).done).toBe(true);
  for (const [actor, code] of [
    [user('CUSTOMER'), 'FORBIDDEN'],
    [{ kind: 'ANONYMOUS' as const }, 'UNAUTHENTICATED'],
  ] as const) {
    expect(await inbox.t.subgraph.subscribe(document, { ...caller, actor })).toMatchObject({ errors: [{ extensions: { code } }] });
  }
});

test('IN-07: mails of the local provider are shown in the browser, and nothing in them runs', async () => {
  const from = someone('page');
  const { threadId } = await inbox.mailIn({ from, subject: '<script>alert(1)</script>', text: 'x' });
  await reply(threadId, '</iframe><script>alert(2)</script>');
  const [mail] = await eventually(async () => ((await mailsTo(from)).length > 0 ? mailsTo(from) : null));
  const index = await inbox.get('/mail');
  expect(index.status).toBe(200);
  expect(index.text).toContain(`/mail/${mail?.id}`);
  const page = await inbox.get(`/mail/${mail?.id}`);
  expect(page.headers.get('content-security-policy')).toContain("default-src 'none'");
  for (const { text } of [index, page]) expect(text).not.toMatch(/<script/);
  expect(page.text).toContain('<iframe sandbox');
  expect(JSON.parse((await inbox.get(`/mail/${mail?.id}.json`)).text)).toMatchObject({ to: from });
  for (const path of ['/mail/../../etc/passwd', '/mail/%2e%2e%2fpackage.json', `/mail/${randomUUID()}`]) expect((await inbox.get(path)).status).toBe(404);
});

test('PF-02b: health is empty when all is well, and for privileged eyes only', async () => {
  const health = (actor: Parameters<typeof inbox.t.run>[0]) =>
    inbox.t.run<{ _entities: unknown[] }>(
      actor,
      'query($r: [_Any!]!) { _entities(representations: $r) { ... on SystemHealth { inboxViolations { kind reference } } } }',
      { r: [{ __typename: 'SystemHealth', id: 'system' }] },
    );
  expect((await health(systemActor('test'))).data._entities).toEqual([{ inboxViolations: [] }]);
  expect((await health(user('CUSTOMER'))).data._entities).toEqual([null]);
});

test('the demo seed adds two threads, once', async () => {
  await inbox.t.subgraph.seedDemo();
  await inbox.t.subgraph.seedDemo();
  const count = async () => (await inbox.t.owner`select count(*)::int as n from threads where participant_address like '%@demo.test'`)[0]?.n;
  await eventually(async () => (await count()) === 2);
});
