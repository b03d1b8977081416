import { randomUUID } from 'node:crypto';
import type { ExecutionResult } from 'graphql';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Actor, ANONYMOUS } from '../../platform/actor.js';
import { publicId } from '../../platform/ids.js';
import { createLog } from '../../platform/log.js';
import { startTestSubgraph, type TestSubgraph, user } from '../../test/subgraphHarness.js';
import { given } from './booking.given.js';
import { startBooking } from './main.js';
import { followStates, type NumberedState } from './stateStream.js';

let booking: TestSubgraph;
let say: ReturnType<typeof given>;
beforeAll(async () => {
  booking = await startTestSubgraph('booking', startBooking);
  say = given(booking);
});
afterAll(() => booking[Symbol.asyncDispose]());

const WATCH = 'subscription($id: ID!) { bookingUpdated(bookingId: $id) { id status failure { code } fee { amount } holdExpiresAt } }';
const watch = (actor: Actor, id: string) =>
  booking.subgraph.subscribe({ query: WATCH, variables: { id } }, { actor, traceId: '0'.repeat(32), idempotencyKey: null, clientIp: null });

type Stream = AsyncGenerator<ExecutionResult>;
interface Update {
  status: string;
  failure: { code: string } | null;
  fee: { amount: string } | null;
  holdExpiresAt: string | null;
}
async function stream(actor: Actor, id: string): Promise<Stream> {
  const outcome = await watch(actor, id);
  if (!(Symbol.asyncIterator in outcome)) throw new Error(JSON.stringify(outcome.errors));
  return outcome;
}
async function nextOf(updates: Stream): Promise<Update | 'completed'> {
  const { value, done } = await updates.next();
  return done ? 'completed' : (value.data as { bookingUpdated: Update }).bookingUpdated;
}
const held = async (actor: Actor) => say.held(actor, (await say.vehicle()).id, say.hoursAhead(48));

test('BK-12: the present state comes first, then each change in order, and a final status completes the stream', async () => {
  const mona = say.customer();
  const made = await held(mona);
  const updates = await stream(mona, made.id);
  expect(await nextOf(updates)).toMatchObject({ status: 'HELD', holdExpiresAt: made.holdExpiresAt });
  const next = nextOf(updates);
  await say.payment('authorised', made.uuid);
  expect(await next).toMatchObject({ status: 'CONFIRMED', failure: null });
  await say.cancel(mona, made.id);
  expect(await nextOf(updates)).toMatchObject({ status: 'CANCELLED', fee: { amount: '0.00' } });
  expect(await nextOf(updates)).toBe('completed');
});

test('BK-12: who reads late gets every state, each as it was then', async () => {
  const mona = say.customer();
  const made = await held(mona);
  const updates = await stream(mona, made.id);
  await say.payment('authorised', made.uuid);
  await say.payment('failed', made.uuid, { code: 'CARD_DECLINED' });
  const seen = [await nextOf(updates), await nextOf(updates), await nextOf(updates), await nextOf(updates)];
  expect(seen).toMatchObject([
    { status: 'HELD', failure: null, fee: null },
    { status: 'CONFIRMED', failure: null, fee: null },
    { status: 'CANCELLED', failure: { code: 'CARD_DECLINED' } },
    'completed',
  ]);
});

test('BK-12: who comes after the end is told how it ended', async () => {
  const mona = say.customer();
  const made = await held(mona);
  await say.payment('declined', made.uuid, { code: 'INSUFFICIENT_FUNDS' });
  const updates = await stream(mona, made.id);
  expect(await nextOf(updates)).toMatchObject({ status: 'CANCELLED', failure: { code: 'INSUFFICIENT_FUNDS' } });
  expect(await nextOf(updates)).toBe('completed');
});

test('BK-12: an admin may watch; a stranger gets what one gets for no booking at all', async () => {
  const made = await held(say.customer());
  const admin = await stream(user('ADMIN'), made.id);
  expect(await nextOf(admin)).toMatchObject({ status: 'HELD' });
  await admin.return(undefined);
  const refusal = async (actor: Actor, id: string) => {
    const outcome = await watch(actor, id);
    return 'errors' in outcome
      ? outcome.errors?.map(({ message, extensions }) => ({ message, code: extensions.code, details: extensions.details }))
      : 'a stream';
  };
  const stranger = await refusal(say.customer(), made.id);
  expect(stranger).toMatchObject([{ code: 'NOT_FOUND', details: { field: 'bookingId' } }]);
  expect(await refusal(say.customer(), publicId('bkg', randomUUID()))).toEqual(stranger);
  expect(await refusal(say.customer(), 'nonsense')).toEqual(stranger);
  expect(await refusal(ANONYMOUS, made.id)).toMatchObject([{ code: 'UNAUTHENTICATED' }]);
});

test('BK-12: a stream that is given up ends at once, also while it waits', async () => {
  const mona = say.customer();
  const made = await held(mona);
  const updates = await stream(mona, made.id);
  await nextOf(updates);
  const waiting = nextOf(updates);
  const started = performance.now();
  await updates.return(undefined);
  expect(await waiting).toBe('completed');
  expect(performance.now() - started).toBeLessThan(1_000);
});

test('BK-12: a hint that is lost delays a state and loses none; a failing look is tried again', async () => {
  const states: NumberedState<string>[] = [{ sequence: 1, final: false, value: 'HELD' }];
  let failures = 1;
  let givenUp = false;
  let end: (result: IteratorResult<string>) => void = () => {};
  const silence: AsyncIterableIterator<string> = {
    next: () => new Promise((resolve) => (end = resolve)),
    return: async () => {
      givenUp = true;
      end({ value: undefined, done: true });
      return { value: undefined, done: true };
    },
    [Symbol.asyncIterator]: () => silence,
  };
  const updates = followStates({
    hints: silence,
    present: states[0] as NumberedState<string>,
    statesAfter: async (sequence) => {
      if (failures-- > 0) throw new Error('the database is away');
      return states.filter((state) => state.sequence > sequence);
    },
    log: createLog({ service: 'test', level: 'silent' }),
    lookAgainMs: 10,
  });
  expect((await updates.next()).value).toBe('HELD');
  states.push({ sequence: 2, final: false, value: 'CONFIRMED' }, { sequence: 3, final: true, value: 'CANCELLED' });
  expect([(await updates.next()).value, (await updates.next()).value, (await updates.next()).done]).toEqual(['CONFIRMED', 'CANCELLED', true]);
  expect(givenUp).toBe(true);
});
