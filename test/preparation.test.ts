import { sql } from 'drizzle-orm';
import { expect, test } from 'vitest';
import { systemActor } from '../platform/actor.js';
import { inTransaction, type Tx } from '../platform/postgres.js';
import { openTestDatabase } from './given/database.js';

const cause = { traceId: '0'.repeat(32), causationId: 'test' };

test('PF-10: a statement that comes again is prepared, one that comes once is not, and no more than 500 ever are', async () => {
  await using db = await openTestDatabase();
  const within = <T>(work: (tx: Tx) => Promise<T>) => inTransaction(systemActor('test'), db, cause, work);
  const ask = (tx: Tx, column: string, value: string) => tx.orm.execute<{ value: string }>(sql`select ${value}::text as value /* ${sql.raw(column)} */`);
  const preparedHere = (tx: Tx) => tx.orm.execute<{ statement: string }>(sql`select statement from pg_prepared_statements where not from_sql`);

  await within(async (tx) => {
    for (const value of ['one', 'two', 'three']) expect((await ask(tx, 'again', value))[0]?.value).toBe(value);
    await ask(tx, 'once', 'one');
    const texts = (await preparedHere(tx)).map((row) => row.statement);
    expect(texts.filter((text) => text.includes('/* again */'))).toHaveLength(1);
    expect(texts.filter((text) => text.includes('/* once */'))).toHaveLength(0);
  });

  await within(async (tx) => {
    for (let n = 0; n < 600; n += 1) {
      await ask(tx, `of ${n}`, 'a');
      expect((await ask(tx, `of ${n}`, 'b'))[0]?.value).toBe('b');
    }
    const prepared = (await preparedHere(tx)).filter((row) => row.statement.includes('/* of ')).length;
    expect(prepared).toBeLessThanOrEqual(500);
    expect(prepared).toBeGreaterThan(450);
  });
});
