import { sql } from 'drizzle-orm';
import { newUuid } from '../../platform/ids.js';
import type { Tx } from '../../platform/postgres.js';
import { setTimer, type TimerHandlers } from '../../platform/timers.js';
import { dropSilent } from './airportQueue.js';
import type { Dispatch } from './context.js';
import { prepareHistory, retireHistory } from './historyMonths.js';
import { forgiveFlags } from './locationFlags.js';
import { dropSilentDrivers } from './silentDrivers.js';

const DAY_MS = 24 * 3_600_000;

/** What has to be done again and again, by one process at a time (PF-06): each is a timer that sets itself again. */
const ROUNDS: Readonly<Record<string, { everyMs: number; run: (tx: Tx, dispatch: Dispatch) => Promise<unknown> }>> = {
  'history.prepare': { everyMs: DAY_MS, run: prepareHistory },
  // On its own, because it may have to give up its wait for the lock; then the timer is tried again.
  'history.retire': { everyMs: DAY_MS, run: retireHistory },
  'drivers.silent': { everyMs: 60_000, run: dropSilentDrivers },
  'location.upkeep': {
    everyMs: 10 * 60_000,
    run: async (tx) => {
      await dropSilent(tx);
      await forgiveFlags(tx);
    },
  },
};

export function upkeepTimers(dispatch: Dispatch): TimerHandlers {
  return Object.fromEntries(
    Object.entries(ROUNDS).map(([kind, { everyMs, run }]) => [
      kind,
      async (tx: Tx, { key }: { key: string }) => {
        await run(tx, dispatch);
        await setTimer(tx, { kind, key, dueAt: new Date(tx.now.getTime() + everyMs) });
      },
    ]),
  );
}

/** Sets the timers that are not there yet, due at once; those that are there keep their time. */
export async function beginUpkeep(tx: Tx): Promise<void> {
  for (const kind of Object.keys(ROUNDS)) {
    await tx.orm.execute(sql`insert into timers (id, kind, key, payload, due_at, metadata)
      values (${newUuid(tx.now)}::uuid, ${kind}, 'always', '{}'::jsonb, ${tx.now.toISOString()}::timestamptz, ${JSON.stringify(tx.cause)}::jsonb)
      on conflict (kind, key) do nothing`);
  }
}
