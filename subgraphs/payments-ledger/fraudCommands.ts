import { and, eq, gt, inArray, sql } from 'drizzle-orm';
import { userIdOf } from '../../platform/actor.js';
import { notFound, parseInput, Refusal } from '../../platform/errors.js';
import { newUuid } from '../../platform/ids.js';
import { DEFAULT_CURRENCY } from '../../platform/money.js';
import { appendEvent } from '../../platform/outbox.js';
import type { Tx } from '../../platform/postgres.js';
import { setTimer, type TimerHandlers } from '../../platform/timers.js';
import { fraudDecided, fraudFlagged } from './events.js';
import { type Activity, type FraudFlagRow, type FraudStatus, MIN_HISTORY, suspicions } from './fraud.js';
import { fraudFlags } from './controlTables.js';
import { noteSchema } from './discrepancyCommands.js';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** Money that came in oddly is asked for days later: amounts and trips are judged so far back, whenever a withdrawal is looked at. */
const LOOK_BACK_MS = 7 * DAY_MS;
/** Kinds that judge further back than a day: cleared, they are not raised again for the same. */
const LONG_KINDS = ['UNUSUAL_AMOUNT', 'CIRCULAR_TRIPS'];
/** Timer of one look at a person; its key is the person's id, so that many doings at once are one look. */
export const FRAUD_TIMER = 'fraud.look';

/** Sees that somebody's activity is looked at soon, by a job of ours: people do not see their own flags. */
export async function lookAtSoon(tx: Tx, userId: string): Promise<void> {
  await setTimer(tx, { kind: FRAUD_TIMER, key: userId, dueAt: tx.now });
}

export const fraudLooks: TimerHandlers[string] = async (tx, timer) => void (await lookAt(tx, timer.key));

/** Judges a person's activity and raises the flags that are not up yet (PL-21). What an admin has cleared is not raised again for what was judged then. */
export async function lookAt(tx: Tx, userId: string): Promise<void> {
  const found = suspicions(await activityOf(tx, userId));
  if (found.length === 0) return;
  const known = await tx.orm
    .select({ kind: fraudFlags.kind })
    .from(fraudFlags)
    .where(
      and(
        eq(fraudFlags.userId, userId),
        sql`(${inArray(fraudFlags.status, ['OPEN', 'CONFIRMED'])} or ${gt(fraudFlags.decidedAt, new Date(tx.now.getTime() - DAY_MS))}
          or (${inArray(fraudFlags.kind, LONG_KINDS)} and ${gt(fraudFlags.decidedAt, new Date(tx.now.getTime() - LOOK_BACK_MS))}))`,
      ),
    );
  const kinds = new Set(known.map((flag) => flag.kind));
  for (const { kind, evidence } of found) {
    if (kinds.has(kind)) continue;
    const row = { id: newUuid(tx.now), userId, kind, status: 'OPEN', evidence, raisedAt: tx.now };
    const raised = await tx.orm.insert(fraudFlags).values(row).onConflictDoNothing().returning({ id: fraudFlags.id });
    if (raised.length > 0) await appendEvent(tx, fraudFlagged, row.id, { flagId: row.id, userId, kind });
  }
}

async function activityOf(tx: Tx, userId: string): Promise<Activity> {
  const since = (ms: number) => sql`${new Date(tx.now.getTime() - ms).toISOString()}::timestamptz`;
  const user = sql`${userId}::uuid`;
  const [row] = await tx.orm.execute<Record<string, string>>(sql`
    with doings as (
      select id, created_at as at, amount_minor, 'IN' as way, status = 'COMPLETED' as moved from deposits where user_id = ${user} and status <> 'DECLINED'
      union all select id, requested_at, amount_minor, 'OUT', true from withdrawals where user_id = ${user} and status <> 'REJECTED'
      union all select id, created_at, amount_minor, 'PAID', true from payments where payer_id = ${user}),
    judged as (select at, amount_minor, count(*) over earlier as n, coalesce(sum(amount_minor) over earlier, 0) as minor from doings where moved
      window earlier as (order by at, id rows between unbounded preceding and 1 preceding)),
    worst as (select amount_minor, n, minor from judged where at > ${since(LOOK_BACK_MS)}
      order by n >= ${MIN_HISTORY} desc, amount_minor * n::numeric / greatest(minor, 1) desc, at desc limit 1)
    select (select count(*) from doings where at > ${since(HOUR_MS)}) as hour,
      coalesce((select amount_minor from worst), 0) as latest,
      coalesce((select n from worst), 0) as earlier,
      coalesce((select minor from worst), 0) as earlier_sum,
      (select coalesce(sum(amount_minor), 0) from deposits where user_id = ${user} and status = 'COMPLETED' and settled_at > ${since(DAY_MS)}) as deposited,
      (select coalesce(sum(amount_minor), 0) from doings where way = 'OUT' and at > ${since(DAY_MS)}) as withdrawn,
      (select count(*) from payments where payer_id = ${user} and status in ('DECLINED', 'FAILED') and updated_at > ${since(DAY_MS)}) as failed,
      (select count(*) from payments a where a.payer_id = ${user} and a.created_at > ${since(LOOK_BACK_MS)} and exists (select 1 from payments b
        where b.payer_id = a.payee_id and b.payee_id = ${user} and b.created_at > ${since(LOOK_BACK_MS)})) as circular`);
  const big = (name: string) => BigInt(row?.[name] ?? '0');
  return {
    currency: DEFAULT_CURRENCY,
    transactionsLastHour: Number(big('hour')),
    latestMinor: big('latest'),
    earlierCount: Number(big('earlier')),
    earlierSumMinor: big('earlier_sum'),
    depositedLastDayMinor: big('deposited'),
    withdrawnLastDayMinor: big('withdrawn'),
    failedPaymentsLastDay: Number(big('failed')),
    circularTripsLastWeek: Number(big('circular')),
  };
}

/** @throws Refusal WITHDRAWAL_FLAGGED while somebody's flag is open, or was confirmed */
export async function assertNotFlagged(tx: Tx, userId: string): Promise<void> {
  const [flag] = await tx.orm
    .select({ kind: fraudFlags.kind, status: fraudFlags.status })
    .from(fraudFlags)
    .where(and(eq(fraudFlags.userId, userId), inArray(fraudFlags.status, ['OPEN', 'CONFIRMED'])))
    .limit(1);
  if (!flag) return;
  const advice = flag.status === 'OPEN' ? 'Clear or confirm the flag first.' : 'The flag was confirmed: reject the withdrawal.';
  throw new Refusal('WITHDRAWAL_FLAGGED', `This person's account is flagged ${flag.kind}. ${advice}`, { details: { kind: flag.kind, status: flag.status } });
}

/** An admin's word on a flag: nothing was wrong, or something was. The same word by the same admin again changes nothing. @throws Refusal NOT_FOUND, CONFLICT */
export async function decideFlag(tx: Tx, id: string, decision: Exclude<FraudStatus, 'OPEN'>, noteGiven: string): Promise<FraudFlagRow> {
  const { note } = parseInput(noteSchema, { note: noteGiven });
  const [row] = await tx.orm.select().from(fraudFlags).where(eq(fraudFlags.id, id)).for('update');
  if (!row) throw notFound('fraud flag');
  const decidedBy = userIdOf(tx.actor);
  if (row.status === decision && row.decidedBy === decidedBy) return row;
  if (row.status !== 'OPEN') {
    throw new Refusal('CONFLICT', `This flag was decided already: it is ${row.status}.`, { details: { status: row.status } });
  }
  const changes = { status: decision, note, decidedBy, decidedAt: tx.now };
  await tx.orm.update(fraudFlags).set(changes).where(eq(fraudFlags.id, id));
  await appendEvent(tx, fraudDecided[decision], id, { flagId: id, userId: row.userId, kind: row.kind });
  return { ...row, ...changes };
}
