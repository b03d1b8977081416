import { randomUUID } from 'node:crypto';
import { Webhook } from 'svix';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually } from '../../test/subgraphHarness.js';
import { DEMO_WEBHOOK_SECRET, readInboxConfig } from './config.js';
import { OLD_SECRET, SECRET, startTestInbox, type TestInbox } from './inbox.given.js';
import { signWebhook, verifyWebhook } from './webhookSignature.js';

let inbox: TestInbox;
beforeAll(async () => {
  inbox = await startTestInbox();
});
afterAll(() => inbox[Symbol.asyncDispose]());

const event = (type = 'email.opened', data: Record<string, unknown> = { email_id: randomUUID() }) => ({ type, created_at: new Date().toISOString(), data });
const stored = async (eventId: string) => (await inbox.t.owner`select type, outcome, payload from provider_events where event_id = ${eventId}`)[0];

test('IN-01: our signatures are those of the svix library, in both directions', () => {
  const body = Buffer.from('{"type":"email.sent","data":{"subject":"عربي"}}');
  const now = new Date();
  expect(() => new Webhook(SECRET).verify(body, signWebhook(SECRET, 'msg_1', now, body))).not.toThrow();
  const signature = new Webhook(SECRET).sign('msg_1', now, body.toString());
  const headers = { 'svix-id': 'msg_1', 'svix-timestamp': String(Math.floor(now.getTime() / 1000)), 'svix-signature': signature };
  expect(verifyWebhook([SECRET], headers, body, now)).toEqual({ ok: true, eventId: 'msg_1' });
});

test('IN-01: a signed webhook is kept and processed, and a replay of it changes nothing', async () => {
  const eventId = `msg_${randomUUID()}`;
  const body = event();
  expect(await inbox.webhook(body, { eventId })).toEqual({ status: 200, body: { received: true, repeated: false } });
  await eventually(async () => (await stored(eventId))?.outcome === 'UNMATCHED');
  expect(await inbox.webhook(body, { eventId })).toEqual({ status: 200, body: { received: true, repeated: true } });
  expect((await inbox.t.owner`select count(*)::int as n from provider_events where event_id = ${eventId}`)[0]?.n).toBe(1);
});

test('IN-01: a webhook without a good signature gets 401, and nothing of it is kept', async () => {
  const before = (await inbox.t.owner`select count(*)::int as n from provider_events`)[0]?.n;
  const refused = [
    inbox.webhook(event(), { secret: `whsec_${Buffer.from('somebody else').toString('base64')}` }),
    inbox.webhook(event(), { at: new Date(Date.now() - 6 * 60_000) }),
    inbox.webhook(event(), { at: new Date(Date.now() + 6 * 60_000) }),
    inbox.webhook(event(), { headers: { 'svix-id': 'msg_another' } }),
    inbox.webhook(event(), { headers: { 'svix-signature': '' } }),
    inbox.webhook(event(), { headers: { 'svix-timestamp': 'yesterday' } }),
    inbox.webhook(event(), { headers: { 'svix-signature': 'v1,AAAA v1,====' } }),
  ];
  for (const answer of await Promise.all(refused)) {
    expect(answer.status).toBe(401);
    expect(answer.body).toMatchObject({ errors: [{ extensions: { code: 'UNAUTHENTICATED' } }] });
  }
  expect((await inbox.t.owner`select count(*)::int as n from provider_events`)[0]?.n).toBe(before);
});

test('IN-01: the time may be five minutes off, and no more', () => {
  const body = Buffer.from('{}');
  const now = new Date(1_800_000_000_000);
  const at = (offsetS: number) => verifyWebhook([SECRET], signWebhook(SECRET, 'msg_1', new Date(now.getTime() + offsetS * 1_000), body), body, now);
  expect([-300, 0, 300].map((offset) => at(offset).ok)).toEqual([true, true, true]);
  expect(at(-301)).toEqual({ ok: false, reason: 'too old' });
  expect(at(301)).toEqual({ ok: false, reason: 'too new' });
});

test('IN-01: while a secret is replaced, either key and any of several signatures will do', async () => {
  expect((await inbox.webhook(event(), { secret: OLD_SECRET })).status).toBe(200);
  const body = Buffer.from(JSON.stringify(event()));
  const good = signWebhook(SECRET, 'msg_two', new Date(), body);
  const two = { ...good, 'svix-signature': `v1,${Buffer.alloc(32).toString('base64')} v2,x ${good['svix-signature']}` };
  expect(verifyWebhook([SECRET], two, body, new Date()).ok).toBe(true);
  const standard = Object.fromEntries(Object.entries(good).map(([name, value]) => [name.replace('svix-', 'webhook-'), value]));
  expect(verifyWebhook([SECRET], standard, body, new Date()).ok).toBe(true);
});

test('IN-01: an unknown type is kept, an odd body does not harm, and what is no JSON object is refused', async () => {
  const unknown = `msg_${randomUUID()}`;
  expect((await inbox.webhook(event('domain.created', { name: 'nul \u0000 half \ud800' }), { eventId: unknown })).status).toBe(200);
  await eventually(async () => (await stored(unknown))?.outcome === 'IGNORED');
  expect((await stored(unknown))?.payload).toMatchObject({ type: 'domain.created', data: { name: 'nul  half \ufffd' } });
  const odd = `msg_${randomUUID()}`;
  expect((await inbox.webhook({ type: 7, data: 'text' }, { eventId: odd })).status).toBe(200);
  const unreadable = `msg_${randomUUID()}`;
  expect((await inbox.webhook(event('email.received', { from: 42 }), { eventId: unreadable })).status).toBe(200);
  await eventually(async () => (await stored(unreadable))?.outcome === 'UNREADABLE');
  for (const body of ['[]', 'no json', '"text"']) expect((await inbox.webhook(body)).status).toBe(400);
});

test('IN-01: the answer is fast, also under a burst', async () => {
  await inbox.webhook(event());
  const started = performance.now();
  const answers = await Promise.all(Array.from({ length: 40 }, () => inbox.webhook(event())));
  expect(answers.every((answer) => answer.status === 200)).toBe(true);
  // 50 ms each on an idle machine; the bound is wide because the tests share two cores.
  expect((performance.now() - started) / 40).toBeLessThan(200);
});

test('IN-01: the demo secret is refused in production', () => {
  expect(readInboxConfig({}).webhookSecrets).toEqual([DEMO_WEBHOOK_SECRET]);
  expect(() => readInboxConfig({ NODE_ENV: 'production' })).toThrow(/RESEND_WEBHOOK_SECRET/);
  expect(() => readInboxConfig({ RESEND_WEBHOOK_SECRET: 'secret' })).toThrow(/whsec_/);
  expect(readInboxConfig({ NODE_ENV: 'production', RESEND_WEBHOOK_SECRET: `${SECRET}, ${OLD_SECRET}` }).webhookSecrets).toEqual([SECRET, OLD_SECRET]);
  expect(() => readInboxConfig({ MAIL_PROVIDER: 'resend' })).toThrow(/RESEND_API_KEY/);
});
