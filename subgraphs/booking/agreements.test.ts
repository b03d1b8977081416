import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ANONYMOUS } from '../../platform/actor.js';
import { createLog } from '../../platform/log.js';
import { serveSubgraph } from '../../platform/serveSubgraph.js';
import { eventually, startTestSubgraph, TEST_SECRET, type TestSubgraph, user } from '../../test/subgraphHarness.js';
import { signerWebhooks } from './adapters/localSigner.js';
import { given } from './booking.given.js';
import { startBooking } from './main.js';

let booking: TestSubgraph;
let say: ReturnType<typeof given>;
let dir: string;
let front: Awaited<ReturnType<typeof startFront>>;
const admin = user('ADMIN');

/** The gateway's part: the rest of the graph, which knows names and plates, and one port for booking's own pages. */
async function startFront() {
  let behind = '';
  let down = false;
  const asked: string[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    if (request.url !== '/graphql') {
      const answer = await fetch(`${behind}${request.url}`, {
        method: request.method,
        headers: Object.entries(request.headers).filter(([name]) => !['host', 'connection', 'content-length'].includes(name)) as [string, string][],
        ...(request.method !== 'GET' && { body: new Uint8Array(Buffer.concat(chunks)) }),
      });
      return void response.writeHead(answer.status, Object.fromEntries(answer.headers)).end(Buffer.from(await answer.arrayBuffer()));
    }
    asked.push(String(request.headers.authorization).split(' ')[0] ?? '');
    if (down) return void response.writeHead(503).end('{"errors":[{"message":"down"}]}');
    const station = { name: 'Cairo Downtown', address: '12 Talaat Harb Street, Cairo' };
    const vehicle = { plate: 'CAI 1234', category: 'COMFORT', fuelType: 'PETROL', transmission: 'AUTOMATIC', seats: 5 };
    const customer = { name: 'Mona منى', email: 'mona@example.test', phone: null };
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ data: { booking: { customer, vehicle, station, returnStation: station } } }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    origin,
    asked,
    pointTo: (url: string) => {
      behind = url;
    },
    setDown: (is: boolean) => {
      down = is;
    },
    stop: () => new Promise((resolve) => server.close(resolve).closeAllConnections()),
  };
}

let served: Awaited<ReturnType<typeof serveSubgraph>>;
beforeAll(async () => {
  dir = await mkdtemp(path.join(tmpdir(), 'waygraph-agreements-'));
  front = await startFront();
  const start = (environment: Parameters<typeof startBooking>[0]) =>
    startBooking({ ...environment, graphUrl: () => `${front.origin}/graphql` }, { storageDir: dir, publicOrigin: null, signer: 'local' });
  booking = await startTestSubgraph('booking', start);
  const options = { port: 0, internalSecret: TEST_SECRET, log: createLog({ service: 'test', level: 'fatal' }), clock: booking.environment.clock };
  served = await serveSubgraph(booking.subgraph, options);
  front.pointTo(`http://127.0.0.1:${served.port}`);
  say = given(booking);
});
afterAll(async () => {
  await served.stop();
  await booking[Symbol.asyncDispose]();
  await front.stop();
  await rm(dir, { recursive: true, force: true });
});

interface Agreement {
  status: string;
  version: number;
  url: string | null;
  signUrl: string | null;
  signedAt: string | null;
}
const AGREEMENT = 'query($id: ID!) { booking(id: $id) { agreement { status version url signUrl signedAt } } }';
const agreementOf = async (actor: Parameters<TestSubgraph['run']>[0], id: string) =>
  (await booking.run<{ booking: { agreement: Agreement | null } | null }>(actor, AGREEMENT, { id })).data.booking?.agreement ?? null;
const sent = (actor: Parameters<TestSubgraph['run']>[0], id: string, version = 1) =>
  eventually(async () => {
    const agreement = await agreementOf(actor, id);
    return agreement?.status === 'SENT' && agreement.version === version ? agreement : null;
  }, 'the agreement to be sent');
const press = (signUrl: string, form: Record<string, string>) => fetch(signUrl, { method: 'POST', body: new URLSearchParams(form), redirect: 'manual' });

test('BK-11: a confirmed booking gets an agreement, its customer reads and signs it, and the signed webhook says so', async () => {
  const mona = say.customer();
  const car = await say.vehicle();
  const made = await say.held(mona, car.id, say.hoursAhead(48));
  expect(await agreementOf(mona, made.id)).toBeNull();
  await say.payment('authorised', made.uuid);
  const agreement = await sent(mona, made.id);
  expect(front.asked.every((scheme) => scheme === 'Internal')).toBe(true);
  const file = await fetch(agreement.url ?? '');
  expect(file.headers.get('content-type')).toBe('application/pdf');
  expect(file.headers.get('cache-control')).toBe('private, max-age=300');
  const pdf = Buffer.from(await file.arrayBuffer());
  expect(pdf.subarray(0, 5).toString()).toBe('%PDF-');
  const [row] = await booking.owner`select sha256 from agreements where booking_id = ${made.uuid}`;
  expect(createHash('sha256').update(pdf).digest('hex')).toBe(row?.sha256);
  const page = await (await fetch(agreement.signUrl ?? '')).text();
  expect(page).toContain(`Car rental agreement ${made.id}`);
  expect(Buffer.from(await (await fetch(`${agreement.signUrl}/document`)).arrayBuffer()).equals(pdf)).toBe(true);
  // Signing takes a name and a yes.
  expect((await press(agreement.signUrl ?? '', { decision: 'sign', name: 'Mona' })).status).toBe(400);
  expect((await agreementOf(mona, made.id))?.status).toBe('SENT');
  expect((await press(agreement.signUrl ?? '', { decision: 'sign', name: 'Mona', agreed: 'yes' })).status).toBe(200);
  const signed = await eventually(async () => {
    const now = await agreementOf(mona, made.id);
    return now?.status === 'SIGNED' ? now : null;
  }, 'the signature');
  expect(signed.signUrl).toBeNull();
  expect(signed.signedAt).not.toBeNull();
  // The first decision stands.
  expect((await press(agreement.signUrl ?? '', { decision: 'decline' })).status).toBe(409);
  const log = await booking.owner`select reason from booking_transitions where booking_id = ${made.uuid} and reason like 'AGREEMENT%' order by sequence`;
  expect(log.map(({ reason }) => reason)).toEqual(['AGREEMENT_SENT', 'AGREEMENT_SIGNED']);
});

test('BK-11: a webhook counts only with its signature, for what was sent, and once', async () => {
  const mona = say.customer();
  const made = await say.confirmed(mona, (await say.vehicle()).id, say.hoursAhead(48));
  await sent(mona, made.id);
  const [row] = await booking.owner`select id, sha256 from agreements where booking_id = ${made.uuid}`;
  const said = { key: row?.id, outcome: 'SIGNED', at: new Date().toISOString(), sha256: row?.sha256 };
  const tell = async (body: object | string, headers?: Record<string, string>) => {
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    const signed = headers ?? signerWebhooks(TEST_SECRET).sign(booking.environment.clock(), text);
    const answer = await fetch(`${front.origin}/webhooks/signatures/local`, { method: 'POST', headers: signed, body: text });
    return { status: answer.status, ...((await answer.json()) as { outcome?: string }) };
  };
  const status = async () => (await agreementOf(mona, made.id))?.status;
  const hourAgo = new Date(booking.environment.clock().getTime() - 3_600_000);
  expect((await tell(said, {})).status).toBe(401);
  expect((await tell(said, { 'x-signer-signature': `t=${Math.floor(Date.now() / 1000)},v1=${'0'.repeat(64)}` })).status).toBe(401);
  expect((await tell(said, signerWebhooks('another secret').sign(new Date(), JSON.stringify(said)))).status).toBe(401);
  expect((await tell(said, signerWebhooks(TEST_SECRET).sign(hourAgo, JSON.stringify(said)))).status).toBe(401);
  const other = signerWebhooks(TEST_SECRET).sign(new Date(), JSON.stringify(said));
  expect((await tell({ ...said, outcome: 'DECLINED' }, other)).status).toBe(401);
  expect((await tell('{"key":"x"}')).status).toBe(400);
  expect(await tell({ ...said, sha256: '0'.repeat(64) })).toMatchObject({ status: 200, outcome: 'UNKNOWN' });
  expect(await tell({ ...said, key: '01900000-0000-7000-8000-000000000000' })).toMatchObject({ status: 200, outcome: 'UNKNOWN' });
  expect((await fetch(`${front.origin}/webhooks/signatures/nobody`, { method: 'POST', body: '{}' })).status).toBe(404);
  expect(await status()).toBe('SENT');
  const told = await Promise.all(Array.from({ length: 5 }, () => tell(said)));
  expect(told.map(({ outcome }) => outcome).sort()).toEqual(['APPLIED', 'NOTHING_TO_DO', 'NOTHING_TO_DO', 'NOTHING_TO_DO', 'NOTHING_TO_DO']);
  expect(await tell({ ...said, outcome: 'DECLINED' })).toMatchObject({ status: 200, outcome: 'NOTHING_TO_DO' });
  expect(await status()).toBe('SIGNED');
  const signings = await booking.owner`select 1 from booking_transitions where booking_id = ${made.uuid} and reason = 'AGREEMENT_SIGNED'`;
  expect(signings.length).toBe(1);
});

test('BK-11: a changed booking gets a new agreement, and the old one cannot be signed any more', async () => {
  const mona = say.customer();
  const car = await say.vehicle();
  const made = await say.confirmed(mona, car.id, say.hoursAhead(48));
  const first = await sent(mona, made.id);
  const { data } = await say.quote(mona, car.id, say.hoursAhead(72, 48), { changesBookingId: made.id });
  expect((await say.change(mona, made.id, data.quoteRental.id)).errors).toEqual([]);
  const second = await sent(mona, made.id, 2);
  await press(first.signUrl ?? '', { decision: 'sign', name: 'Mona', agreed: 'yes' });
  await eventually(async () => (await booking.owner`select 1 from timers where kind = 'localSignerWebhook'`).length === 0, 'the webhook to be heard');
  expect(await agreementOf(mona, made.id)).toMatchObject({ status: 'SENT', version: 2 });
  expect((await press(second.signUrl ?? '', { decision: 'decline' })).status).toBe(200);
  await eventually(async () => (await agreementOf(mona, made.id))?.status === 'DECLINED', 'the refusal');
});

test('BK-11: while the graph is down an agreement waits, and one whose booking ends is not sent', async () => {
  const mona = say.customer();
  front.setDown(true);
  const [kept, dropped] = [await say.vehicle(), await say.vehicle()];
  const one = await say.confirmed(mona, kept.id, say.hoursAhead(48));
  const two = await say.confirmed(mona, dropped.id, say.hoursAhead(48));
  await eventually(async () => (await booking.owner`select 1 from agreements where attempts > 0 and booking_id = ${one.uuid}`).length > 0, 'an attempt');
  expect((await agreementOf(mona, one.id))?.status).toBe('PREPARING');
  expect((await agreementOf(mona, one.id))?.url).toBeNull();
  await say.cancel(mona, two.id);
  front.setDown(false);
  await sent(mona, one.id);
  await eventually(async () => (await agreementOf(mona, two.id))?.status === 'VOID', 'the other to be void');
  expect((await readdir(path.join(dir, 'booking', 'agreements'))).length).toBe((await booking.owner`select 1 from agreements where sha256 is not null`).length);
});

test('BK-11: an agreement is for its customer and admins; its link is nothing to guess, and expires', async () => {
  const mona = say.customer();
  const made = await say.confirmed(mona, (await say.vehicle()).id, say.hoursAhead(48));
  const { url } = await sent(mona, made.id);
  expect((await agreementOf(admin, made.id))?.url).toMatch(/^http/);
  expect(await agreementOf(say.customer(), made.id)).toBeNull();
  expect((await booking.run(ANONYMOUS, AGREEMENT, { id: made.id })).codes).toEqual(['UNAUTHENTICATED']);
  const [body = '', mac = ''] = (url ?? '').split('/').at(-1)?.split('.') ?? [];
  const forged = Buffer.from(Buffer.from(body, 'base64url').toString().replace('expiresAt":', 'expiresAt":9')).toString('base64url');
  expect((await fetch((url ?? '').replace(body, forged))).status).toBe(404);
  expect((await fetch((url ?? '').replace(mac, mac.replace(/.$/, mac.endsWith('A') ? 'Q' : 'A')))).status).toBe(404);
  booking.setClock(new Date(Date.now() + 16 * 60_000));
  expect((await fetch(url ?? '')).status).toBe(410);
  booking.setClock(new Date());
});

test('ID-08: raw SQL as the service reads no agreement, photo or envelope of somebody else', async () => {
  const mona = say.customer();
  const made = await say.confirmed(mona, (await say.vehicle()).id, say.hoursAhead(48));
  await sent(mona, made.id);
  await booking.owner`insert into rental_photos (id, booking_id, moment, width, height, created_at) values (gen_random_uuid(), ${made.uuid}, 'PICKUP', 1, 1, now())`;
  const seen = (actorId: string, roles: string) =>
    booking.asService.begin(async (sql) => {
      await sql`select set_config('waygraph.actor_id', ${actorId}, true), set_config('waygraph.actor_roles', ${roles}, true)`;
      const count = async (rows: Promise<readonly unknown[]>) => (await rows).length;
      return [
        await count(sql`select 1 from agreements where booking_id = ${made.uuid}`),
        await count(sql`select 1 from rental_photos where booking_id = ${made.uuid}`),
        Math.min(1, await count(sql`select 1 from local_envelopes`)),
      ];
    });
  expect(await seen(mona.id, 'CUSTOMER')).toEqual([1, 1, 0]);
  expect(await seen(say.customer().id, 'CUSTOMER')).toEqual([0, 0, 0]);
  expect(await seen('', '')).toEqual([0, 0, 0]);
  expect(await seen(admin.id, 'ADMIN')).toEqual([1, 1, 0]);
  expect(await seen('', 'SYSTEM')).toEqual([1, 1, 1]);
});
