import type { ExecutionResult } from 'graphql';
import { expect, test } from 'vitest';
import { ANONYMOUS } from '../platform/actor.js';
import { Refusal } from '../platform/errors.js';
import { createLog } from '../platform/log.js';
import type { Caller } from '../platform/subgraph.js';
import { guardedLink } from './guardedLink.js';
import { createInFlight } from './inFlight.js';
import { localLink } from './localLink.js';
import type { StopSignal } from './stopSignal.js';
import { testSubgraph } from './testSubgraphs.js';

/** Fetches that are answered by hand, in the order in which they began. */
function fetches() {
  const begun: { signal: StopSignal; answer(result: ExecutionResult): void; fail(error: Error): void }[] = [];
  return {
    begun,
    begin: (signal: StopSignal) =>
      new Promise<ExecutionResult>((resolve, reject) => {
        begun.push({ signal, answer: resolve, fail: reject });
      }),
  };
}

test('GW-31: who asks the same while it is fetched gets a copy that nobody else can change', async () => {
  const inFlight = createInFlight();
  const { begun, begin } = fetches();
  const first = inFlight.share('a', undefined, begin).then((result) => {
    (result.data as { list: number[] }).list.push(99);
    return result;
  });
  const second = inFlight.share('a', undefined, begin);
  const other = inFlight.share('b', undefined, begin);
  expect(begun).toHaveLength(2);
  begun[0]?.answer({ data: { list: [1] } });
  begun[1]?.answer({ data: { list: [] } });
  expect([(await first).data, (await second).data, (await other).data]).toEqual([{ list: [1, 99] }, { list: [1] }, { list: [] }]);
  // It is not kept: the next one asks again.
  void inFlight.share('a', undefined, begin);
  expect(begun).toHaveLength(3);
});

test('GW-31: the ids of trace and span are no reason to ask twice; who asks is', async () => {
  const asked: Caller[] = [];
  let answer = (_result: ExecutionResult) => {};
  const answered = new Promise<ExecutionResult>((resolve) => {
    answer = resolve;
  });
  const link = guardedLink(
    {
      ...localLink(testSubgraph('a', 'type Query { a: Int }', {})),
      execute: (_request, caller) => {
        asked.push(caller);
        return answered;
      },
    },
    { log: createLog({ service: 'test', level: 'silent' }), timeoutMs: 60_000, inFlight: createInFlight(), breaks: false },
  );
  const caller = (traceId: string, spanId: string, id: string | null = null): Caller => ({
    actor: id === null ? ANONYMOUS : { kind: 'USER', id, roles: [], sessionId: null },
    traceId,
    spanId,
    idempotencyKey: null,
    clientIp: null,
  });
  const callers = [caller('t1', 's1'), caller('t2', 's2'), caller('t3', 's3', 'somebody')];
  const all = callers.map((each) => link.execute({ query: '{ a }' }, each));
  answer({ data: { a: 1 } });
  expect(await Promise.all(all)).toEqual(Array(3).fill({ data: { a: 1 } }));
  expect(asked.map(({ spanId }) => spanId)).toEqual(['s1', 's3']);
});

test('GW-31: a failure is everybody’s, and is not kept', async () => {
  const inFlight = createInFlight();
  const { begun, begin } = fetches();
  const both = [inFlight.share('a', undefined, begin), inFlight.share('a', undefined, begin)];
  begun[0]?.fail(new Error('lost'));
  expect(await Promise.allSettled(both)).toMatchObject([{ reason: { message: 'lost' } }, { reason: { message: 'lost' } }]);
  void inFlight.share('a', undefined, begin);
  expect(begun).toHaveLength(2);
});

test('GW-31: the fetch goes on while anybody waits, and stops when nobody does', async () => {
  const inFlight = createInFlight();
  const { begun, begin } = fetches();
  const [one, two] = [new AbortController(), new AbortController()];
  const first = inFlight.share('a', one.signal, begin);
  const second = inFlight.share('a', two.signal, begin);
  one.abort(new Refusal('TIMEOUT', 'too long'));
  await expect(first).rejects.toMatchObject({ code: 'TIMEOUT' });
  expect(begun[0]?.signal.aborted).toBe(false);
  two.abort();
  await expect(second).rejects.toMatchObject({ code: 'DEPENDENCY_UNAVAILABLE' });
  expect(begun[0]?.signal.aborted).toBe(true);
  void inFlight.share('a', undefined, begin);
  expect(begun).toHaveLength(2);
});

test('GW-31: what began before a change, or long ago, is joined no more', () => {
  let now = 0;
  const inFlight = createInFlight(() => now);
  const { begun, begin } = fetches();
  const ask = () => void inFlight.share('a', undefined, begin);
  ask();
  ask();
  expect(begun).toHaveLength(1);
  inFlight.seal();
  ask();
  expect(begun).toHaveLength(2);
  now += 501;
  ask();
  expect(begun).toHaveLength(3);
});
