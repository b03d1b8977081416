import { sql } from 'drizzle-orm';
import { newUuid } from '../../platform/ids.js';
import type { Tx } from '../../platform/postgres.js';
import type { TimerHandlers } from '../../platform/timers.js';
import type { Dispatch } from './context.js';
import { countDemand, DEMAND_TIMER } from './demandCommands.js';
import { moveSurge, SURGE_TIMER } from './surgeCommands.js';
import { forgetTicks, FORGET_TICKS_TIMER } from './tickCommands.js';

/** One city; the timers of each have its name as their key. */
export const CITY = 'cairo';

/** What goes on in the city all the time. Each sets its own timer again in the transaction of its work. */
export function cityTimers(dispatch: Dispatch): TimerHandlers {
  return {
    [SURGE_TIMER]: (tx, { key }) => moveSurge(tx, key),
    [DEMAND_TIMER]: (tx, { key, payload }) => countDemand(tx, dispatch, key, payload),
    [FORGET_TICKS_TIMER]: (tx, { key }) => forgetTicks(tx, key),
  };
}

/** Sets what is not set yet: at the first start of a database, and never moves what is. */
export async function startCityTimers(tx: Tx): Promise<void> {
  for (const kind of [SURGE_TIMER, DEMAND_TIMER, FORGET_TICKS_TIMER]) {
    await tx.orm.execute(sql`insert into timers (id, kind, key, payload, due_at, metadata) values (${newUuid(tx.now)}::uuid, ${kind}, ${CITY}, '{}'::jsonb,
      ${tx.now.toISOString()}::timestamptz, ${JSON.stringify(tx.cause)}::jsonb) on conflict (kind, key) do nothing`);
  }
}
