import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Answered, pay, savedOperations } from '../given/savedOperations.js';
import { startGraph, type TestGraph } from '../graphHarness.js';
import { eventually } from '../subgraphHarness.js';

let graph: TestGraph;
beforeAll(async () => {
  graph = await startGraph('one');
});
afterAll(() => graph[Symbol.asyncDispose]());

test('GW-50: every saved operation of the office and of accounts runs as it is, for the one that it names, with its own example', {
  timeout: 180_000,
}, async () => {
  const { run, firstEvent, notRun } = savedOperations(graph);

  // People come in.
  const { signIn } = await run('Account 1');
  expect(signIn.user.email).toBe('customer@demo.test');
  expect((await run('Account 2')).signUp.user).toMatchObject({ name: 'Somebody', roles: ['CUSTOMER'] });
  expect((await run('Account 3', { refreshToken: signIn.refreshToken })).refreshSession.user).toEqual(signIn.user);
  expect((await run('Account 4')).me).toMatchObject({ email: 'customer@demo.test', wallet: { balance: { amount: '20000.00' } } });

  // They have written; one of them is answered.
  const { threads } = await eventually(async () => {
    const answer = await run('Office 1');
    return answer.threads.nodes.length === 2 && answer;
  }, 'the mails of the demo');
  const threadId = threads.nodes[0].id;
  const { threadUpdated } = await firstEvent('Office 2', {}, () => run('Office 3', { input: { threadId } }));
  expect(threadUpdated.messages.at(-1)).toMatchObject({ direction: 'OUTBOUND', text: 'We are on it.' });
  expect((await run('Office 4', { id: threadId })).closeThread.status).toBe('CLOSED');

  // A driver wants money twice, and gets it once.
  let wanted: Answered;
  const { walletUpdated } = await firstEvent('Office 11', {}, async () => {
    ({ requestWithdrawal: wanted } = await run('Office 5'));
  });
  expect(walletUpdated).toEqual({ balance: { amount: '500.00', currency: 'EGP' }, available: { amount: '400.00', currency: 'EGP' } });
  const { requestWithdrawal: other } = await run('Office 5');
  const waiting = (await run('Office 6')).withdrawals.nodes.map(({ id }: Answered) => id);
  expect(waiting.sort()).toEqual([wanted.id, other.id].sort());
  await run('Office 7', { id: wanted.id });
  await eventually(
    async () => (await run('Office 6', { status: 'PAID' })).withdrawals.nodes.some(({ id }: Answered) => id === wanted.id),
    'the withdrawal to be paid',
  );
  expect((await run('Office 8', { id: other.id })).rejectWithdrawal.status).toBe('REJECTED');

  // A customer hears of the money that has come.
  const { notificationReceived } = await firstEvent('Office 12', {}, async () => pay((await run('Rental 3')).initiateDeposit.paymentUrl));
  expect(notificationReceived.kind).toBe('DEPOSIT_COMPLETED');

  // In the evening everything adds up, and people go.
  expect((await run('Office 9')).runReconciliation).toMatchObject({ ok: true, discrepancies: [] });
  expect((await run('Office 10')).systemHealth.violations).toEqual([]);
  expect((await run('Account 5')).signOut).toBe(true);

  // A new one has to be added here.
  expect(notRun('Office', 'Account')).toEqual([]);
});
