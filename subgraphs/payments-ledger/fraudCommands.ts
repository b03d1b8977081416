import { and, eq, gt, inArray, sql } from 'drizzle-orm';
import { userIdOf } from '../../platform/actor.js';
import { notFound, parseInput, Refusal } from '../../platform/errors.js';
import { newUuid } from '../../platform/ids.js';
import { DEFAULT_CURRENCY } from '../../platform/money.js';
import { appendEvent } from '../../platform/outbox.js';
import type { Tx } from '../../platform/postgres.js';
import { setTimer, type TimerHandlers } from '../../platform/timers.js';
import { fraudFlagged } from './events.js';
import { type Activity, type FraudFlagRow, type FraudStatus, suspicions } from './fraud.js';
import { fraudFlags } from './tables.js';
import { noteSchema } from './discrepancyCommands.js';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** Timer of one look at a person; its key is the person's id, so that many doings at once are one look. */
export const FRAUD_TIMER = 'fraud.look';

/** Sees that somebody's activity is looked at soon, by a job of ours: people do not see their own flags. */
export async function lookAtSoon(tx: Tx, userId: string): Promise<void> {
  await setTimer(tx, { kind: FRAUD_TIMER, key: userId, dueAt: tx.now });
}

export const fraudLooks: TimerHandlers[string] = async (tx, timer) => void (await lookAt(tx, timer.key));

/** Judges a person's activity and raises the flags that are not up yet (PL-21). What an admin has cleared within a day is not raised again. */
export async function lookAt(tx: Tx, userId: string): Promise<void> {
  const found = suspicions(await activityOf(tx, userId));
  if (found.length === 0) return;
  const known = await tx.orm
    .select({ kind: fraudFlags.kind })
    .from(fraudFlags)
    .where(
      and(
        eq(fraudFlags.userId, userId),
        sql`(${inArray(fraudFlags.status, ['OPEN', 'CONFIRMED'])} or ${gt(fraudFlags.decidedAt, new Date(tx.now.getTime() - DAY_MS))})`,
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
      select created_at as at, amount_minor, 'IN' as way from deposits where user_id = ${user} and status <> 'DECLINED'
      union all select requested_at, amount_minor, 'OUT' from withdrawals where user_id = ${user} and status <> 'REJECTED'
      union all select created_at, amount_minor, 'PAID' from payments where payer_id = ${user}),
    latest as (select at, amount_minor from doings order by at desc limit 1)
    select (select count(*) from doings where at > ${since(HOUR_MS)}) as hour,
      (select coalesce(sum(amount_minor), 0) from latest) as latest,
      (select count(*) from doings where at < (select at from latest)) as earlier,
      (select coalesce(sum(amount_minor), 0) from doings where at < (select at from latest)) as earlier_sum,
      (select coalesce(sum(amount_minor), 0) from deposits where user_id = ${user} and status = 'COMPLETED' and settled_at > ${since(DAY_MS)}) as deposited,
      (select coalesce(sum(amount_minor), 0) from doings where way = 'OUT' and at > ${since(DAY_MS)}) as withdrawn,
      (select count(*) from payments where payer_id = ${user} and status in ('DECLINED', 'FAILED') and updated_at > ${since(DAY_MS)}) as failed,
      (select count(*) from payments a where a.payer_id = ${user} and a.created_at > ${since(DAY_MS)} and exists (select 1 from payments b
        where b.payer_id = a.payee_id and b.payee_id = ${user} and b.created_at > ${since(DAY_MS)})) as circular`);
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
    circularTripsLastDay: Number(big('circular')),
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
  return { ...row, ...changes };
}
