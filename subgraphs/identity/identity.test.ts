import { randomUUID } from 'node:crypto';
import { createLocalJWKSet, jwtVerify } from 'jose';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ANONYMOUS, systemActor } from '../../platform/actor.js';
import { publicId, uuidOf } from '../../platform/ids.js';
import { eventually, startTestSubgraph, type TestSubgraph, user } from '../../test/subgraphHarness.js';
import { startIdentity } from './main.js';

let identity: TestSubgraph;
beforeAll(async () => {
  identity = await startTestSubgraph('identity', (environment) => startIdentity(environment, { TOKEN_ISSUER: 'test', TOKEN_AUDIENCE: 'test' }));
});
afterAll(() => identity[Symbol.asyncDispose]());

interface SessionData {
  accessToken: string;
  refreshToken: string;
  user: { id: string; name: string; email: string | null; phone: string | null; roles: string[] };
}
const SESSION = '{ accessToken refreshToken expiresAt user { id name email phone roles } }';
const signUp = (input: Record<string, unknown>) =>
  identity.run<{ signUp: SessionData }>(ANONYMOUS, `mutation($input: SignUpInput!) { signUp(input: $input) ${SESSION} }`, {
    input: { password: 'correct horse 1', name: 'Test Person', role: 'CUSTOMER', ...input },
  });
const signIn = (input: Record<string, unknown>) =>
  identity.run<{ signIn: SessionData }>(ANONYMOUS, `mutation($input: SignInInput!) { signIn(input: $input) ${SESSION} }`, { input });
const refresh = (token: string) =>
  identity.run<{ refreshSession: SessionData }>(ANONYMOUS, `mutation($token: String!) { refreshSession(refreshToken: $token) ${SESSION} }`, { token });
const newEmail = () => `${randomUUID()}@example.test`;

async function jwks() {
  const route = identity.subgraph.routes.find(({ path }) => path === '/.well-known/jwks.json');
  let body = '';
  await route?.handle({} as never, { writeHead: () => {}, end: (text: string) => (body = text) } as never);
  return JSON.parse(body);
}

test('ID-01: signing up gives a session whose token verifies by JWKS, and tells the others', async () => {
  const email = newEmail();
  const { data, errors } = await signUp({ email: email.toUpperCase(), phone: '01001234567' });
  expect(errors).toEqual([]);
  expect(data.signUp.user).toMatchObject({ email, phone: '+201001234567', roles: ['CUSTOMER'] });
  const { payload } = await jwtVerify(data.signUp.accessToken, createLocalJWKSet(await jwks()), { issuer: 'test', audience: 'test' });
  expect(publicId('usr', payload.sub ?? '')).toBe(data.signUp.user.id);
  expect(await identity.emitted('user.registered')).toContainEqual({ userId: payload.sub, roles: ['CUSTOMER'] });
});

test.each([
  ['a short password', { password: 'ab1' }, 'input.password'],
  ['a password without a digit', { password: 'abcdefghij' }, 'input.password'],
  ['a common password', { password: 'Password123' }, 'input.password'],
  ['a broken address', { email: 'not-an-address' }, 'input.email'],
  ['neither address nor number', { email: null }, 'input.email'],
  ['a number that is none', { phone: '12' }, 'input.phone'],
  ['an empty name', { name: '  ' }, 'input.name'],
])('ID-01: %s is refused with its field', async (_what, change, field) => {
  const { codes, errors } = await signUp({ email: newEmail(), ...change });
  expect(codes).toEqual(['VALIDATION_ERROR']);
  expect(errors[0]?.extensions.details).toMatchObject({ field });
});

test('ID-01: nobody makes themselves an admin, and an address is taken once', async () => {
  expect((await signUp({ email: newEmail(), role: 'ADMIN' })).errors.length).toBe(1);
  const email = newEmail();
  const both = await Promise.all([signUp({ email }), signUp({ email })]);
  expect(both.flatMap((outcome) => outcome.codes)).toEqual(['CONFLICT']);
});

test('ID-02: a refresh token is good once; its reuse ends the session', async () => {
  const { data } = await signUp({ email: newEmail() });
  const first = await refresh(data.signUp.refreshToken);
  expect(first.errors).toEqual([]);
  expect((await refresh(data.signUp.refreshToken)).codes).toEqual(['UNAUTHENTICATED']);
  expect((await refresh(first.data.refreshSession.refreshToken)).codes).toEqual(['UNAUTHENTICATED']);
  const id = uuidOf('usr', data.signUp.user.id);
  expect(await identity.owner`select kind from audit_events where user_id = ${id} and kind = 'REFRESH_TOKEN_REUSED'`).toHaveLength(1);
});

test('ID-02: two refreshes at once: one wins', async () => {
  const { data } = await signUp({ email: newEmail() });
  const both = await Promise.all([refresh(data.signUp.refreshToken), refresh(data.signUp.refreshToken)]);
  expect(both.flatMap((outcome) => outcome.codes)).toEqual(['UNAUTHENTICATED']);
});

test('ID-02: after signing out the refresh token is good no more', async () => {
  const { data } = await signUp({ email: newEmail() });
  const { payload } = await jwtVerify(data.signUp.accessToken, createLocalJWKSet(await jwks()));
  const actor = { ...user('CUSTOMER'), id: String(payload.sub), sessionId: String(payload.sid) };
  expect((await identity.run(actor, 'mutation { signOut }')).data).toEqual({ signOut: true });
  expect((await refresh(data.signUp.refreshToken)).codes).toEqual(['UNAUTHENTICATED']);
});

test('ID-03: wrong passwords make the account rest, and a right one after that works', async () => {
  const email = newEmail();
  await signUp({ email });
  for (let i = 0; i < 5; i += 1) expect((await signIn({ email, password: 'wrong' })).codes).toEqual(['UNAUTHENTICATED']);
  const resting = await signIn({ email, password: 'correct horse 1' });
  expect(resting.codes).toEqual(['RATE_LIMITED']);
  expect(resting.errors[0]?.extensions.retryAfter).toBeGreaterThan(0);
  identity.setClock(new Date(identity.environment.clock().getTime() + 5_000));
  expect((await signIn({ email, password: 'correct horse 1' })).errors).toEqual([]);
});

test('ID-03: an unknown account gets the same answer as a wrong password', async () => {
  const known = newEmail();
  await signUp({ email: known });
  const [a, b] = [await signIn({ email: newEmail(), password: 'x' }), await signIn({ email: known, password: 'x' })];
  expect(a.errors).toEqual(b.errors);
});

test('ID-07b: a name is visible over a checked edge; address, number and roles only to oneself and admins', async () => {
  const { data } = await signUp({ email: newEmail() });
  const { id } = data.signUp.user;
  const query = 'query($r: [_Any!]!) { _entities(representations: $r) { ... on User { name email phone roles } } }';
  const variables = { r: [{ __typename: 'User', id }] };
  const stranger = await identity.run<{ _entities: unknown[] }>(user('CUSTOMER'), query, variables);
  expect(stranger.data._entities).toEqual([{ name: 'Test Person', email: null, phone: null, roles: null }]);
  expect(stranger.codes).toEqual(['FORBIDDEN', 'FORBIDDEN', 'FORBIDDEN']);
  const admin = await identity.run<{ _entities: unknown[] }>(user('ADMIN'), query, variables);
  expect(admin.data._entities).toEqual([expect.objectContaining({ email: data.signUp.user.email, roles: ['CUSTOMER'] })]);
});

test('node gives a person to oneself and admins only', async () => {
  const { data } = await signUp({ email: newEmail() });
  const { id } = data.signUp.user;
  const query = 'query($id: ID!) { node(id: $id) { id ... on User { name } } }';
  const self = { ...user('CUSTOMER'), id: uuidOf('usr', id) as string };
  expect((await identity.run(self, query, { id })).data).toEqual({ node: { id, name: 'Test Person' } });
  expect((await identity.run(user('CUSTOMER'), query, { id })).data).toEqual({ node: null });
  expect((await identity.run(systemActor('test'), query, { id })).data).toMatchObject({ node: { id } });
  expect((await identity.run(self, query, { id: 'nonsense' })).data).toEqual({ node: null });
});

test('ID-08: raw SQL as the service sees nobody but the actor', async () => {
  const { data } = await signUp({ email: newEmail() });
  const id = uuidOf('usr', data.signUp.user.id) as string;
  const see = (actorId: string) =>
    identity.asService.begin(async (sql) => {
      await sql`select set_config('waygraph.actor_id', ${actorId}, true)`;
      return { users: await sql`select id from users`, sessions: await sql`select id from sessions`, tokens: await sql`select hash from refresh_tokens` };
    });
  expect((await see(id)).users).toHaveLength(1);
  expect((await see(id)).sessions).toHaveLength(1);
  expect(await see(randomUUID())).toMatchObject({ users: { length: 0 }, sessions: { length: 0 }, tokens: { length: 0 } });
});

test('FL-07: many people are one query', async () => {
  const people = await Promise.all([1, 2, 3].map(() => signUp({ email: newEmail() })));
  const r = people.map(({ data }) => ({ __typename: 'User', id: data.signUp.user.id }));
  const before = await identity.statements('%from user_names(%');
  await identity.run(ANONYMOUS, 'query($r: [_Any!]!) { _entities(representations: $r) { ... on User { name } } }', { r });
  expect((await identity.statements('%from user_names(%')) - before).toBe(1);
});

test('ID-02: devices are listed for oneself, and signing out everywhere ends them all', async () => {
  const email = newEmail();
  const { data } = await signUp({ email });
  const second = await signIn({ email, password: 'correct horse 1' });
  const { payload } = await jwtVerify(second.data.signIn.accessToken, createLocalJWKSet(await jwks()));
  const self = { ...user('CUSTOMER'), id: String(payload.sub), sessionId: String(payload.sid) };
  const query = '{ me { devices { current } } }';
  expect((await identity.run(self, query)).data).toEqual({ me: { devices: [{ current: true }, { current: false }] } });
  expect((await identity.run(self, 'mutation { signOutEverywhere }')).data).toEqual({ signOutEverywhere: true });
  expect((await identity.run(self, query)).data).toEqual({ me: { devices: [] } });
  for (const session of [data.signUp, second.data.signIn]) expect((await refresh(session.refreshToken)).codes).toEqual(['UNAUTHENTICATED']);
});

test('ID-06: after a rotation new tokens have a new key, and old ones are still good', async () => {
  const before = await signUp({ email: newEmail() });
  await identity.owner`update timers set due_at = now() - interval '1 second' where kind = 'identity.rotateKeys'`;
  await eventually(async () => (await jwks()).keys.length === 2, 'a second key');
  const after = await signUp({ email: newEmail() });
  const keys = createLocalJWKSet(await jwks());
  const kids = await Promise.all([before, after].map(async ({ data }) => (await jwtVerify(data.signUp.accessToken, keys)).protectedHeader.kid));
  expect(new Set(kids).size).toBe(2);
  expect(await identity.owner`select 1 from timers where kind = 'identity.rotateKeys' and due_at > now() + interval '29 days'`).toHaveLength(1);
});
