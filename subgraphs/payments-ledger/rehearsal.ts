import { sql } from 'drizzle-orm';
import type { Tx } from '../../platform/postgres.js';
import type { PaymentsContext } from './context.js';

/** Carries the answer out of a transaction that is rolled back. */
class Rehearsed extends Error {
  override name = 'Rehearsed';
  constructor(readonly answer: unknown) {
    super('rolled back after a dry run');
  }
}

/**
 * Runs a command, or with `dryRun` rehearses it (PL-08c): the very same command in a transaction that is rolled back, with every constraint checked that a commit
 * would check. So it answers and refuses as the real one would, and leaves nothing behind: no entry, no event, no timer.
 */
export async function runOrRehearse<T>(ctx: PaymentsContext, dryRun: boolean | null | undefined, work: (tx: Tx) => Promise<T>): Promise<T> {
  if (!dryRun) return ctx.run(work);
  try {
    return await ctx.run<T>(async (tx) => {
      const answer = await work(tx);
      await tx.orm.execute(sql`set constraints all immediate`);
      throw new Rehearsed(answer);
    });
  } catch (error) {
    if (error instanceof Rehearsed) return error.answer as T;
    throw error;
  }
}
