import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { type Actor, signInternalToken, systemActor } from '../platform/actor.js';
import { ALICE, eventually, INTERNAL_SECRET, startTestGateway, watch } from './testGateway.js';

const actorIn = (answer: { data?: Record<string, unknown> | null }) => JSON.parse(answer.data?.whoami as string).actor;

test('nothing shown is anonymous; a token is a person; an API key is a machine', async () => {
  const sha256 = createHash('sha256').update('partner-key').digest('hex');
  await using graph = await startTestGateway({ env: { SERVICE_KEYS: `tracker:${sha256}:locations+trips` } });
  expect(actorIn(await graph.query('{ whoami }'))).toEqual({ kind: 'ANONYMOUS' });
  const token = await graph.identity.token(ALICE, { roles: ['CUSTOMER', 'ADMIN'] });
  expect(actorIn(await graph.query('{ whoami }', {}, { authorization: `Bearer ${token}` }))).toEqual({
    kind: 'USER',
    id: ALICE,
    roles: ['CUSTOMER', 'ADMIN'],
    sessionId: '00000000-0000-4000-8000-00000000005d',
  });
  expect(actorIn(await graph.query('{ whoami }', {}, { 'x-api-key': 'partner-key' }))).toEqual({
    kind: 'SERVICE',
    id: 'tracker',
    scopes: ['locations', 'trips'],
  });
});

test("our own jobs come with an internal token; one that was signed in a user's name does not open the door", async () => {
  await using graph = await startTestGateway();
  const internal = (actor: Actor) => ({ authorization: `Internal ${signInternalToken(actor, INTERNAL_SECRET, new Date())}` });
  expect(actorIn(await graph.query('{ whoami }', {}, internal(systemActor('receipts'))))).toEqual({ kind: 'SYSTEM', job: 'receipts' });
  expect((await graph.query('{ whoami }', {}, internal({ kind: 'USER', id: ALICE, roles: ['ADMIN'], sessionId: null }))).status).toBe(401);
});

test('what is bad is refused with 401, never taken for anonymous', async () => {
  await using graph = await startTestGateway();
  const { identity } = graph;
  const good = await identity.token(ALICE);
  const bad: [string, Record<string, string>][] = [
    ['expired', { authorization: `Bearer ${await identity.token(ALICE, { expiresInS: -5 })}` }],
    ['of another issuer', { authorization: `Bearer ${await identity.token(ALICE, { issuer: 'elsewhere' })}` }],
    ['tampered with', { authorization: `Bearer ${good.slice(0, -6)}AAAAAA` }],
    ['unknown key id', { authorization: `Bearer ${await identity.token(ALICE, { kid: 'nope' })}` }],
    ['unknown role', { authorization: `Bearer ${await identity.token(ALICE, { roles: ['EMPEROR'] })}` }],
    ['not a person', { authorization: `Bearer ${await identity.token('alice')}` }],
    ['unsigned', { authorization: `Bearer ${Buffer.from('{"alg":"none"}').toString('base64url')}.${good.split('.')[1]}.` }],
    ['not a token', { authorization: 'Bearer x' }],
    ['another scheme', { authorization: 'Basic YTpi' }],
    ['a forged internal token', { authorization: 'Internal abc' }],
    ['unknown key', { 'x-api-key': 'guess' }],
    ['empty key', { 'x-api-key': '' }],
  ];
  for (const [name, headers] of bad) {
    const answer = await graph.query('{ whoami }', {}, headers);
    expect([name, answer.status, answer.errors?.[0]?.extensions.code]).toEqual([name, 401, 'UNAUTHENTICATED']);
  }
  expect(graph.trips.calls.execute).toHaveLength(0);
});

test('a rotated key is found without a restart, and invented key ids do not hammer identity', async () => {
  await using graph = await startTestGateway();
  expect((await graph.query('{ whoami }', {}, { authorization: `Bearer ${await graph.identity.token(ALICE)}` })).status).toBe(200);
  expect(graph.identity.keyReads()).toBe(1);
  const invented = await graph.identity.token(ALICE, { kid: 'invented' });
  for (let attempt = 0; attempt < 5; attempt += 1) await graph.query('{ whoami }', {}, { authorization: `Bearer ${invented}` });
  expect(graph.identity.keyReads()).toBe(1);
  await graph.identity.rotate();
  const rotated = await graph.identity.token(ALICE);
  await eventually(async () => (await graph.query('{ whoami }', {}, { authorization: `Bearer ${rotated}` })).status).toBe(200);
  expect(graph.identity.keyReads()).toBe(2);
});

test('over WebSocket: the same credentials in connection_init, 4403 for bad ones', async () => {
  await using graph = await startTestGateway();
  const good = watch(graph.connect({ authorization: `Bearer ${await graph.identity.token(ALICE)}` }), '{ whoami }');
  await eventually(() => good.completed).toBe(true);
  expect(actorIn({ data: good.events[0] })).toMatchObject({ kind: 'USER', id: ALICE });
  for (const params of [{ authorization: 'Bearer x' }, { authorization: '' }, { authorization: 7 }, { apiKey: 'guess' }]) {
    const bad = watch(graph.connect(params), '{ whoami }');
    await eventually(() => bad.failure?.code).toBe(4403);
  }
});

test('a socket is closed with 4401 when its token ends', async () => {
  await using graph = await startTestGateway();
  const watching = watch(
    graph.connect({ authorization: `Bearer ${await graph.identity.token(ALICE, { expiresInS: 2 })}` }),
    'subscription { sighted { __typename } }',
  );
  await eventually(() => graph.sightings.listeners.size).toBe(1);
  await eventually(() => watching.failure?.code).toBe(4401);
  await eventually(() => graph.sightings.listeners.size).toBe(0);
});
