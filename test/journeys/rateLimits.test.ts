import { Redis } from 'ioredis';
import { expect, test } from 'vitest';
import { DEMO_ACCOUNTS, DEMO_PASSWORD } from '../../platform/demoAccounts.js';
import { startGraph } from '../graphHarness.js';

test('GW-22: with limits on, sign-in is limited by address with the usual numbers, counted in Redis without the address itself', async () => {
  await using graph = await startGraph('one', { RATE_LIMITS: 'on' });
  const signIn = (password: string) =>
    graph.post({
      query: 'mutation($input: SignInInput!) { signIn(input: $input) { accessToken } }',
      variables: { input: { email: DEMO_ACCOUNTS.customer.email, password } },
    });
  const first = await signIn(DEMO_PASSWORD);
  expect([first.status, first.headers.get('ratelimit-limit'), first.headers.get('ratelimit-remaining')]).toEqual([200, '10', '9']);
  const statuses = [];
  for (let attempt = 0; attempt < 10; attempt += 1) statuses.push((await signIn(DEMO_PASSWORD)).status);
  expect(statuses).toEqual([...Array(9).fill(200), 429]);
  const refused = await signIn(DEMO_PASSWORD);
  expect(refused.json.errors?.[0]?.extensions).toMatchObject({
    code: 'RATE_LIMITED',
    retryAfter: expect.any(Number),
    details: { limit: 'signIn', max: 10, windowSeconds: 60 },
  });
  // Who is signed in goes on, with a limit of their own.
  const { signIn: session } = first.json.data as unknown as { signIn: { accessToken: string } };
  const mine = await graph.post({ query: '{ me { id } }' }, { authorization: `Bearer ${session.accessToken}` });
  expect([mine.status, mine.headers.get('ratelimit-limit'), mine.headers.get('ratelimit-remaining')]).toEqual([200, '120', '119']);
  const redis = new Redis(graph.redisUrl);
  const keys = await redis.keys('waygraph:rate:*');
  redis.disconnect();
  expect(keys.some((key) => /^waygraph:rate:signIn:ip:[0-9a-f]{20}$/.test(key))).toBe(true);
  expect(keys.join(' ')).not.toMatch(/127\.0\.0\.1|::1/);
}, 120_000);
