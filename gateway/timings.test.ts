import { expect, test } from 'vitest';
import type { ToldTiming } from './timings.js';
import { ALICE, startTestGateway } from './testGateway.js';

const QUERY = '{ trip(id: "t1") { status car { plate label } } }';
const ASK = { 'x-waygraph-timings': '1' };
const timingsOf = (answer: unknown) => (answer as { extensions?: { timings?: ToldTiming[] } }).extensions?.timings;

test('EN-06: who asks is told how long each fetch took, and what it was for', async () => {
  await using graph = await startTestGateway();
  const answer = await graph.query(QUERY, {}, ASK);
  expect(answer.data).toEqual({ trip: { status: 'REQUESTED', car: { plate: 'plate-car-t1', label: '4 seats' } } });
  const timings = timingsOf(answer) ?? [];
  expect(timings.map(({ service, path, entities }) => [service, path, entities])).toEqual([
    ['trips', '', 0],
    ['cars', 'trip', 1],
    ['people', 'trip.car', 1],
  ]);
  expect(
    timings.map(({ operation }) => /trip\(|plate|label/.exec(operation)?.[0]),
    'and with what',
  ).toEqual(['trip(', 'plate', 'label']);
  const [first, ...others] = timings;
  expect(first?.startMs).toBeGreaterThanOrEqual(0);
  for (const { startMs, durationMs } of others) expect([durationMs > 0, startMs >= (first?.startMs ?? 0) + (first?.durationMs ?? 0)]).toEqual([true, true]);
  expect(timingsOf(await graph.query(QUERY))).toBeUndefined();
  expect(timingsOf(await graph.query(QUERY, {}, { 'x-waygraph-timings': 'please' }))).toBeUndefined();
  // A fetch that fails took its time too.
  const failed = await graph.query('{ boom }', {}, ASK);
  expect([timingsOf(failed)?.[0]?.service, failed.errors?.length]).toEqual(['trips', 1]);
});

test('EN-06: in production that is for admins', async () => {
  await using graph = await startTestGateway({ env: { NODE_ENV: 'production', CORS_ORIGINS: 'https://app.example' } });
  const as = async (roles: string[]) => ({ ...ASK, authorization: `Bearer ${await graph.identity.token(ALICE, { roles })}` });
  expect(timingsOf(await graph.query(QUERY, {}, ASK))).toBeUndefined();
  expect(timingsOf(await graph.query(QUERY, {}, await as(['CUSTOMER'])))).toBeUndefined();
  expect(timingsOf(await graph.query(QUERY, {}, await as(['ADMIN'])))).toHaveLength(3);
});
