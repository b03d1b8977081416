import { serverAudits } from 'graphql-http';
import { expect, test } from 'vitest';
import { startTestGateway } from './testGateway.js';

/**
 * What the specification allows and we do not do: GET requests that any page can make a browser send. They are refused unless a header shows that the
 * browser asked first (CSRF prevention, GW-25); with `apollo-require-preflight` they are answered, as the last test shows.
 */
const MAY_AND_DO_NOT = ['5A70', '6A70', 'D6D5'];

test('GW-51: all 61 audits of graphql-http: every MUST, every SHOULD, and every MAY but GET without a preflight', async () => {
  await using graph = await startTestGateway();
  const outcomes = [];
  for (const audit of serverAudits({ url: `${graph.url}/graphql` })) outcomes.push(await audit.fn());
  expect(outcomes).toHaveLength(61);
  const open = outcomes.filter(({ status }) => status !== 'ok');
  expect(open.map(({ id }) => id).sort()).toEqual(MAY_AND_DO_NOT);
  expect(open.every(({ name }) => name.startsWith('MAY '))).toBe(true);
});

test('GW-51: GET works for those who can send a header, and never changes anything', async () => {
  await using graph = await startTestGateway();
  const get = (query: string, variables: object) =>
    fetch(`${graph.url}/graphql?${new URLSearchParams({ query, variables: JSON.stringify(variables) })}`, { headers: { 'apollo-require-preflight': '1' } });
  const answer = await get('query($id: ID!) { trip(id: $id) { status } }', { id: 't1' });
  expect([answer.status, await answer.json()]).toEqual([200, { data: { trip: { status: 'REQUESTED' } } }]);
  expect((await get('mutation { signIn(password: "x") }', {})).status).toBe(405);
});

test('GW-51: a subscription that is posted gets a clear 400', async () => {
  await using graph = await startTestGateway();
  const answer = await graph.query('subscription { sighted { __typename } }');
  expect([answer.status, answer.errors?.[0]]).toMatchObject([400, { message: expect.stringMatching(/WebSocket/), extensions: { code: 'INVALID_REQUEST' } }]);
});
