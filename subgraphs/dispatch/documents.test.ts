import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createLog } from '../../platform/log.js';
import { serveSubgraph } from '../../platform/serveSubgraph.js';
import { eventually, startTestSubgraph, TEST_SECRET, type TestSubgraph } from '../../test/subgraphHarness.js';
import { readDispatchConfig } from './config.js';
import { accepted, given, type Person } from './dispatch.given.js';
import { startDispatch } from './main.js';

let t: TestSubgraph;
let say: ReturnType<typeof given>;
let dir: string;
let origin = 'http://127.0.0.1:1';
let served: Awaited<ReturnType<typeof serveSubgraph>>;

beforeAll(async () => {
  dir = await mkdtemp(path.join(tmpdir(), 'waygraph-papers-'));
  const config = readDispatchConfig({ STORAGE_DIR: dir, DISPATCH_REQUIRED_DOCUMENTS: 'LICENCE, INSURANCE' });
  t = await startTestSubgraph('dispatch', (environment) => startDispatch({ ...environment, graphUrl: () => `${origin}/graphql` }, config));
  const options = { port: 0, internalSecret: TEST_SECRET, log: createLog({ service: 'test', level: 'fatal' }), clock: t.environment.clock };
  served = await serveSubgraph(t.subgraph, options);
  origin = `http://127.0.0.1:${served.port}`;
  say = given(t);
});
afterAll(async () => {
  await served.stop();
  await t[Symbol.asyncDispose]();
  await rm(dir, { recursive: true, force: true });
});

type Kind = 'LICENCE' | 'VEHICLE_REGISTRATION' | 'INSURANCE';
const dayAhead = (days: number) => new Date(t.environment.clock().getTime() + days * 24 * 3_600_000).toISOString().slice(0, 10);
const ask = (who: Person, kind: Kind, more: Record<string, unknown> = {}) =>
  say.mutate<{ id: string; url: string }>(
    who,
    'requestDriverDocument',
    '$input: RequestDriverDocumentInput!',
    { input: { kind, expiresOn: dayAhead(300), fileName: 'paper.jpg', contentType: 'image/jpeg', ...more } },
    'id url',
  );
const send = async (url: string, bytes: Buffer) => {
  const answer = await fetch(url, { method: 'PUT', headers: { 'content-type': 'image/jpeg' }, body: new Uint8Array(bytes) });
  return { status: answer.status, body: (await answer.json()) as { documentId?: string; errors?: { extensions: { code: string; details: object } }[] } };
};
const paper = () =>
  sharp({ create: { width: 900, height: 600, channels: 3, background: '#fed' } })
    .withExif({ IFD3: { GPSLatitude: '30/1 2/1 3/1' } })
    .jpeg()
    .toBuffer();
const shown = async (who: Person, kind: Kind, more: Record<string, unknown> = {}) => {
  const { url } = accepted(await ask(who, kind, more)).answer!;
  const answer = await send(url, await paper());
  expect(answer.status).toBe(201);
  return { url, id: answer.body.documentId };
};
interface Papers {
  id: string;
  documents: { id: string; kind: Kind; expiresOn: string; isGood: boolean; url: string }[] | null;
}
const PAPERS = 'id documents { id kind expiresOn isGood url }';
const papersOf = async (who: Person) => accepted(await t.run<{ myDriver: Papers }>(who, `{ myDriver { ${PAPERS} } }`)).myDriver;
const registered = async () => {
  const actor = say.person('DRIVER');
  const { answer } = accepted(await say.mutate<{ id: string }>(actor, 'registerDriver', '$input: RegisterDriverInput!', { input: say.registration() }, 'id'));
  return { actor, id: answer?.id ?? '' };
};
const approve = (id: string) => say.mutate<{ approval: string }>(say.admin, 'approveDriver', '$id: ID!', { id }, 'approval');
const files = async () => (await readdir(dir, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile()).length;

test('DP-01b: a driver is approved once he has shown the papers that are asked for; they are for him and admins', async () => {
  const { actor, id } = await registered();
  const refused = await approve(id);
  expect(refused.codes).toEqual(['DOCUMENTS_MISSING']);
  expect(refused.errors[0]?.extensions.details).toEqual({ field: 'id', rule: 'required_documents', missing: ['LICENCE', 'INSURANCE'] });
  const licence = await shown(actor, 'LICENCE');
  await shown(actor, 'VEHICLE_REGISTRATION');
  expect((await approve(id)).errors[0]?.extensions.details).toMatchObject({ missing: ['INSURANCE'] });
  await shown(actor, 'INSURANCE');
  expect(accepted(await approve(id)).answer).toEqual({ approval: 'APPROVED' });

  expect((await send(licence.url, await paper())).body.documentId, 'repeated').toBe(licence.id);
  const papers = await papersOf(actor);
  expect(papers.documents?.map(({ kind, isGood }) => [kind, isGood])).toEqual([
    ['LICENCE', true],
    ['VEHICLE_REGISTRATION', true],
    ['INSURANCE', true],
  ]);
  const picture = await fetch(papers.documents?.[0]?.url ?? '');
  expect(picture.headers.get('content-type')).toBe('image/webp');
  expect((await sharp(Buffer.from(await picture.arrayBuffer())).metadata()).exif, 'no place stays in it').toBeUndefined();
  expect((await fetch(`${papers.documents?.[0]?.url}x`)).status).toBe(404);
  const { drivers } = accepted(await t.run<{ drivers: { nodes: Papers[] } }>(say.admin, `{ drivers { nodes { ${PAPERS} } } }`));
  expect(drivers.nodes.find((driver) => driver.id === id)?.documents).toHaveLength(3);
  // A rider of his sees the driver, and no papers; in raw SQL neither.
  const [pickup, rider] = [say.spot(), say.rider()];
  accepted(await say.goOnline({ actor, id, uuid: '' }, pickup));
  const trip = await say.ride(rider, { actor, id, uuid: '' }, pickup);
  const seen = await t.run<{ trip: { driver: Papers } }>(rider, `{ trip(id: "${trip.id}") { driver { ${PAPERS} } } }`);
  expect(seen.data.trip.driver).toEqual({ id, documents: null });
  const rows = await t.asService.begin(async (sql) => {
    await sql`select set_config('waygraph.actor_id', ${rider.id}, true), set_config('waygraph.actor_roles', 'CUSTOMER', true)`;
    return sql`select 1 from driver_documents`;
  });
  expect(rows).toHaveLength(0);
});

test('DP-01b: a paper that has run out since does not count; the new one does', async () => {
  const { actor, id } = await registered();
  await shown(actor, 'LICENCE', { expiresOn: dayAhead(2) });
  await shown(actor, 'INSURANCE');
  t.setClock(new Date(Date.now() + 4 * 24 * 3_600_000));
  expect((await approve(id)).errors[0]?.extensions.details).toMatchObject({ missing: ['LICENCE'] });
  expect((await papersOf(actor)).documents?.map(({ isGood }) => isGood)).toEqual([false, true]);
  await shown(actor, 'LICENCE');
  expect(accepted(await approve(id)).answer).toEqual({ approval: 'APPROVED' });
  t.setClock(new Date());
});

test('DP-01b: what is no paper is refused with field and rule, and leaves nothing behind', async () => {
  const { actor } = await registered();
  const before = await files();
  const detailsOf = async (more: Record<string, unknown>) => (await ask(actor, 'LICENCE', more)).errors[0]?.extensions.details;
  expect(await detailsOf({ expiresOn: dayAhead(-3) })).toMatchObject({ field: 'input.expiresOn', rule: 'expired' });
  expect(await detailsOf({ expiresOn: '2099-01-01' })).toMatchObject({ field: 'input.expiresOn', rule: 'too_far' });
  expect(await detailsOf({ contentType: 'application/pdf' })).toMatchObject({ field: 'input.contentType', rule: 'type' });
  expect(await detailsOf({ fileName: 'paper.exe' })).toMatchObject({ field: 'input.fileName', rule: 'extension' });
  expect((await ask(say.person('DRIVER'), 'LICENCE')).codes, 'not registered').toEqual(['NOT_FOUND']);
  expect((await ask(say.rider(), 'LICENCE')).codes).toEqual(['FORBIDDEN']);
  const { url } = accepted(await ask(actor, 'LICENCE')).answer!;
  const script = await send(url, Buffer.from('<svg onload="alert(1)"/>'.padEnd(200)));
  expect([script.status, script.body.errors?.[0]?.extensions]).toEqual([422, { code: 'INVALID_IMAGE', details: { field: 'body', rule: 'content' } }]);
  expect((await send(url, Buffer.alloc(10 * 1024 * 1024 + 1))).status).toBe(413);
  const forged = `${url.slice(0, -3)}${url.endsWith('AAA') ? 'BBB' : 'AAA'}`;
  expect((await send(forged, await paper())).status).toBe(404);
  t.setClock(new Date(Date.now() + 16 * 60_000));
  expect((await send(url, await paper())).status, 'expired').toBe(410);
  t.setClock(new Date());
  expect((await papersOf(actor)).documents).toEqual([]);
  expect(await files()).toBe(before);
});

test('DP-01b: thirty papers are the most, also when they come at once', async () => {
  const { actor } = await registered();
  const urls: string[] = [];
  for (let i = 0; i < 32; i += 1) urls.push(accepted(await ask(actor, 'LICENCE')).answer?.url ?? '');
  const before = await files();
  const bytes = await paper();
  const answers = await Promise.all(urls.map((url) => send(url, bytes)));
  expect(answers.filter(({ status }) => status === 201)).toHaveLength(30);
  expect(answers.find(({ status }) => status !== 201)?.body.errors?.[0]?.extensions).toMatchObject({
    code: 'TOO_MANY_DOCUMENTS',
    details: { field: 'input.kind', rule: 'max_documents', limit: 30 },
  });
  await eventually(async () => (await files()) === before + 30, 'the files of the others to be gone');
});

test('DP-01b: which papers are asked for is configured: all in production, none elsewhere; nonsense stops the start', () => {
  expect(readDispatchConfig({}).requiredDocuments).toEqual([]);
  expect(readDispatchConfig({ NODE_ENV: 'production' }).requiredDocuments).toEqual(['LICENCE', 'VEHICLE_REGISTRATION', 'INSURANCE']);
  expect(readDispatchConfig({ NODE_ENV: 'production', DISPATCH_REQUIRED_DOCUMENTS: 'none' }).requiredDocuments).toEqual([]);
  expect(() => readDispatchConfig({ DISPATCH_REQUIRED_DOCUMENTS: 'PASSPORT' })).toThrow('DISPATCH_REQUIRED_DOCUMENTS');
});
