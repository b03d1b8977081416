import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Actor } from '../../platform/actor.js';
import type { EventEnvelope } from '../../platform/outbox.js';
import { openQueue } from '../../platform/queue.js';
import { eventQueueName } from '../../platform/relay.js';
import { findRoute } from '../../platform/serveSubgraph.js';
import { eventually, startTestSubgraph, type TestSubgraph } from '../../test/subgraphHarness.js';
import { createLocalMail, type KeptMail } from './adapters/localMail.js';
import { type InboxConfig, readInboxConfig } from './config.js';
import { startInbox } from './main.js';
import { signWebhook } from './webhookSignature.js';

export const SECRET = `whsec_${Buffer.from('a secret of the tests').toString('base64')}`;
export const OLD_SECRET = `whsec_${Buffer.from('the secret before that').toString('base64')}`;

/** Everybody's address in these tests; a person without an entry has none. */
export type AddressBook = Map<string, { address: string; name: string } | null>;

export interface TestInbox extends AsyncDisposable {
  t: TestSubgraph;
  addressBook: AddressBook;
  /** A new person with this address. */
  person(localPart: string): { id: string; address: string; actor: Actor };
  /** Mails that the local provider has taken. */
  mails(): Promise<KeptMail[]>;
  /** Calls the webhook over HTTP, signed unless told otherwise. */
  webhook(
    body: unknown,
    options?: { eventId?: string; at?: Date; secret?: string; headers?: Record<string, string> },
  ): Promise<{ status: number; body: unknown }>;
  /** A mail comes in; resolves when it has been sorted into its thread. */
  mailIn(mail: {
    emailId?: string;
    from: string;
    subject: string;
    text?: string;
    html?: string;
    messageId?: string;
    headers?: Record<string, string>;
  }): Promise<{ emailId: string; threadId: string | null }>;
  /** An event of another subgraph with an id of the test's own, as often as the test wants; resolves when it has been taken. */
  redeliver(envelope: EventEnvelope): Promise<void>;
  get(path: string): Promise<{ status: number; headers: Headers; text: string }>;
}

/** The first event of a booking. */
export function bookingConfirmed(bookingId: string, customerId: string): EventEnvelope {
  const facts = { vehicleId: randomUUID(), vehicleTitle: 'Toyota Corolla 2024', pickupAt: '2027-03-01T08:00:00Z', returnAt: '2027-03-04T08:00:00Z' };
  return {
    ...{ id: randomUUID(), emitter: 'booking', consumer: 'inbox', type: 'booking.confirmed', version: 1, aggregateType: 'booking', aggregateId: bookingId },
    ...{
      sequence: 1,
      previousSequence: 0,
      metadata: { traceId: '0'.repeat(32), causationId: randomUUID(), actor: 'test' },
      occurredAt: new Date().toISOString(),
    },
    payload: { bookingId, customerId, ...facts, totalMinor: '420000', currency: 'EGP' },
  };
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`;
}

/** The inbox alone, with its routes on a real socket in place of the gateway's. */
export async function startTestInbox(overrides: Partial<InboxConfig> = {}): Promise<TestInbox> {
  const mailDir = await mkdtemp(path.join(tmpdir(), 'waygraph-test-mail-'));
  const addressBook: AddressBook = new Map();
  const config = { ...readInboxConfig({}), mailDir, firstRetryMs: 20, maxAttempts: 5, webhookSecrets: [SECRET, OLD_SECRET], ...overrides };
  let t: TestSubgraph | null = null;
  const server = createServer(async (request, response) => {
    const route = findRoute(t?.subgraph.routes ?? [], request.method, (request.url ?? '/').split('?')[0] ?? '/');
    if (!route) return void response.writeHead(404).end();
    await route.handle(Object.assign(request, { rawBody: await bodyOf(request) }), response);
  });
  const origin = await listen(server);
  t = await startTestSubgraph(
    'inbox',
    (environment) =>
      startInbox(environment, {
        ...config,
        ports: {
          addressOf: async (userId) => {
            const known = addressBook.get(userId);
            if (known === undefined) throw new Error('the graph does not answer');
            return known;
          },
        },
      }),
    { env: { graphUrl: () => `${origin}/graphql` } },
  );
  const running = t;
  const queue = openQueue<EventEnvelope>(eventQueueName('inbox'), t.environment.redisUrl, t.environment.log);

  const webhook: TestInbox['webhook'] = async (body, options = {}) => {
    const raw = Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
    const signed = signWebhook(options.secret ?? SECRET, options.eventId ?? `msg_${randomUUID()}`, options.at ?? new Date(), raw);
    const headers = { 'content-type': 'application/json', ...signed, ...options.headers };
    const response = await fetch(`${origin}/webhooks/resend`, { method: 'POST', headers, body: raw });
    return { status: response.status, body: await response.json() };
  };

  return {
    t: running,
    addressBook,
    person(localPart) {
      const id = randomUUID();
      const address = `${localPart.replace('#', id.slice(0, 8))}@example.test`;
      addressBook.set(id, { address, name: 'Mona' });
      return { id, address, actor: { kind: 'USER', id, roles: ['CUSTOMER'], sessionId: null } };
    },
    mails: () => createLocalMail({ dir: mailDir, clock: () => new Date() }).list(1_000),
    webhook,
    async mailIn(mail) {
      const emailId = mail.emailId ?? randomUUID();
      const data = {
        email_id: emailId,
        from: mail.from,
        to: ['hello@waygraph.test'],
        subject: mail.subject,
        message_id: mail.messageId,
        headers: mail.headers ?? {},
        text: mail.text,
        html: mail.html,
      };
      const answer = await webhook({ type: 'email.received', created_at: new Date().toISOString(), data });
      if (answer.status !== 200) throw new Error(`the webhook answered ${answer.status}`);
      for (;;) {
        const [event] = await running.owner`select outcome from provider_events where email_id = ${emailId}`;
        if (event?.outcome) break;
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      const [message] = await running.owner`select thread_id from messages where provider_email_id = ${emailId}`;
      return { emailId, threadId: (message?.thread_id as string | undefined) ?? null };
    },
    async redeliver(envelope) {
      await queue.send(envelope.type, envelope, { id: randomUUID() });
      await eventually(async () => (await running.owner`select 1 from consumed_events where event_id = ${envelope.id}`).length > 0);
      await eventually(async () => (await queue.depth()) === 0);
    },
    async get(where) {
      const response = await fetch(origin + where);
      return { status: response.status, headers: response.headers, text: await response.text() };
    },
    async [Symbol.asyncDispose]() {
      await queue.close();
      await running[Symbol.asyncDispose]();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await rm(mailDir, { recursive: true, force: true });
    },
  };
}

/** A provider shaped like Resend, over HTTP, with its idempotency keys, whose failures the test decides. */
export interface FakeProvider extends AsyncDisposable {
  url: string;
  /** Mails that it has sent, one per key. */
  sent: { id: string; key: string; to: string; subject: string; headers: Record<string, string> }[];
  calls: number;
  /**
   * What it does with the next call: `work`, answer 500, take the mail and then hang up, take it and never answer, or refuse it for good.
   */
  behave: (call: { key: string; to: string; call: number }) => 'work' | 'fail' | 'swallow answer' | 'take and hang' | 'refuse';
  /** Bodies of received mails by id. */
  received: Map<string, { text: string; headers: Record<string, string> }>;
}

export async function startFakeProvider(): Promise<FakeProvider> {
  const byKey = new Map<string, string>();
  const server = createServer(async (request, response) => {
    const answer = (status: number, body: unknown) => response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    if (request.method === 'GET') {
      const found = provider.received.get((request.url ?? '').split('/').at(-1) ?? '');
      return found ? answer(200, found) : answer(404, { name: 'not_found', message: 'no such mail' });
    }
    const mail = JSON.parse((await bodyOf(request)).toString());
    const key = String(request.headers['idempotency-key']);
    provider.calls += 1;
    const mood = provider.behave({ key, to: mail.to[0], call: provider.calls });
    if (mood === 'fail') return answer(500, { name: 'internal_server_error', message: 'told to fail' });
    if (mood === 'refuse') return answer(422, { name: 'validation_error', message: 'told to refuse' });
    const id = byKey.get(key) ?? randomUUID();
    if (!byKey.has(key)) provider.sent.push({ id, key, to: mail.to[0], subject: mail.subject, headers: mail.headers });
    byKey.set(key, id);
    if (mood === 'take and hang') return undefined;
    if (mood === 'swallow answer') return void request.socket.destroy();
    return answer(200, { id });
  });
  const provider: FakeProvider = {
    url: await listen(server),
    sent: [],
    calls: 0,
    behave: () => 'work',
    received: new Map(),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return provider;
}
