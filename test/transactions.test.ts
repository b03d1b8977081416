import { expect, test } from 'vitest';
import { systemActor } from '../platform/actor.js';
import { inTransaction, type Tx } from '../platform/postgres.js';
import { openTestDatabase } from './given/database.js';

const cause = { traceId: '0'.repeat(32), causationId: 'test' };
const actorNow = "select current_setting('waygraph.actor_roles', true) as roles";

test('ID-08: the actor is set before the first statement, however the work waits for it', async () => {
  await using db = await openTestDatabase();
  const waysToWait: ((tx: Tx) => Promise<{ roles: string }[]>)[] = [
    (tx) => tx.prepared(actorNow, []),
    async (tx) => tx.prepared(actorNow, []),
    (tx) => tx.prepared<{ roles: string }>(actorNow, []).then((rows) => rows),
    (tx) => Promise.all([tx.prepared<{ roles: string }>(actorNow, [])]).then(([rows]) => rows),
  ];
  for (const work of waysToWait) expect([...(await inTransaction(systemActor('test'), db, cause, work))]).toEqual([{ roles: 'SYSTEM' }]);
});

test('statements that are sent side by side arrive in the order in which they were made', async () => {
  await using db = await openTestDatabase();
  const set = (value: string) => `select set_config('waygraph.test', '${value}', true), now()`;
  const seen = await inTransaction(systemActor('test'), db, cause, async (tx) => {
    const read = "select current_setting('waygraph.test', true) as value";
    const [, first, , second] = await Promise.all([
      tx.orm.execute(set('a')).execute(),
      tx.prepared<{ value: string }>(read, []),
      tx.prepared(set('b'), []),
      tx.orm.execute<{ value: string }>(read).execute(),
    ]);
    return [first[0]?.value, second[0]?.value];
  });
  expect(seen).toEqual(['a', 'b']);
});

test('what still has something to say when its transaction is over is not heard: the connection may be somebody else’s', async () => {
  await using db = await openTestDatabase();
  let late: Promise<unknown> = Promise.resolve();
  let goOn: () => void = () => {};
  const gate = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  await expect(
    inTransaction(systemActor('test'), db, cause, async (tx) => {
      late = gate.then(() => tx.prepared(actorNow, []));
      late.catch(() => {});
      await tx.prepared('select 1/0', []);
    }),
  ).rejects.toThrow('division by zero');
  goOn();
  await expect(late).rejects.toThrow('the transaction is over');
});
