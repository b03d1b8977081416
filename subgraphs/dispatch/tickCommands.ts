import { lt, sql } from 'drizzle-orm';
import type { Tx } from '../../platform/postgres.js';
import { newUuid } from '../../platform/ids.js';
import { setTimer } from '../../platform/timers.js';
import { tripReasons } from './cityTables.js';
import { roundOutcomeOf } from './round.js';
import type { MatchingRequest, MatchingStrategy, Plan, StrategyName } from './strategy.js';
import { pickupSeconds, type RoundInputs, type RoundOutcome } from './tick.js';

/** Timer that deletes old ticks. */
export const FORGET_TICKS_TIMER = 'city.forgetTicks';
/** How long ticks are kept (DP-22b): long enough to compare two weeks. */
export const KEEP_TICKS_DAYS = 14;
const DAY_MS = 24 * 3_600_000;
/** Ticks that are deleted at once. */
const MAX_FORGOTTEN = 100_000;

/** A round that was carried out. */
export interface CarriedOut {
  strategy: MatchingStrategy;
  name: StrategyName;
  requests: readonly MatchingRequest[];
  plans: readonly Plan[];
  /** Who was asked for each request, best first. */
  asked: readonly (readonly string[])[];
  /** How long the decision took. */
  tookMs: number;
}

/**
 * Writes down what rounds saw and what came of them, and for each trip that a tick has offered why it was offered so, in the transaction of the offers.
 * Nothing for strategies that say no inputs.
 */
export async function recordRounds(tx: Tx, rounds: readonly CarriedOut[]): Promise<void> {
  const written = rounds.flatMap((round) => {
    const { strategy, name, requests, plans, asked, tookMs } = round;
    if (!strategy.inputsOf || requests.length === 0) return [];
    const inputs = strategy.inputsOf(requests, tx.now);
    const outcome = roundOutcomeOf(inputs, plans, asked);
    return [{ strategy, row: { id: newUuid(tx.now), strategy: name, inputs, outcome, solveMicros: Math.round(tookMs * 1000) } }];
  });
  if (written.length === 0) return;
  await tx.prepared(INSERT_TICKS, [JSON.stringify(written.map(({ row }) => row)), tx.now.toISOString()]);
  for (const { strategy, row } of written) if (strategy.tickMs !== undefined) await recordReasons(tx, row.id, row.inputs, row.outcome);
}

const INSERT_TICKS = `insert into matching_ticks (id, at, strategy, inputs, outcome, solve_micros)
  select id, $2::timestamptz, strategy, inputs, outcome, "solveMicros"
  from json_to_recordset($1::text::json) as r(id uuid, strategy text, inputs jsonb, outcome jsonb, "solveMicros" int)`;

async function recordReasons(tx: Tx, id: string, inputs: RoundInputs, outcome: RoundOutcome): Promise<void> {
  if (outcome.pairs.length === 0) return;
  const seconds = pickupSeconds(inputs);
  const reasons = outcome.pairs.map(({ rider, pickupS }) => ({
    tripId: inputs.trips[rider] as string,
    tickId: id,
    at: tx.now,
    riders: inputs.riders.length,
    drivers: inputs.drivers.length,
    pickupSeconds: pickupS,
    nearestSeconds: seconds.subarray(rider * inputs.drivers.length, (rider + 1) * inputs.drivers.length).reduce((least, one) => Math.min(least, one), Infinity),
  }));
  const { tickId, at, riders, drivers, pickupSeconds: pickup, nearestSeconds } = tripReasons;
  const written = Object.fromEntries(
    Object.entries({ tickId, at, riders, drivers, pickupSeconds: pickup, nearestSeconds }).map(([key, column]) => [key, sql.raw(`excluded.${column.name}`)]),
  );
  await tx.orm.insert(tripReasons).values(reasons).onConflictDoUpdate({ target: tripReasons.tripId, set: written });
}

/** Deletes ticks that are too old, and the reasons that point to them, a bounded number a run; run by its timer as SYSTEM. */
export async function forgetTicks(tx: Tx, key: string): Promise<void> {
  const before = new Date(tx.now.getTime() - KEEP_TICKS_DAYS * DAY_MS).toISOString();
  const gone = await tx.orm.execute(sql`delete from matching_ticks where id in
    (select id from matching_ticks where at < ${before}::timestamptz order by at limit ${MAX_FORGOTTEN}) returning 1`);
  await tx.orm.delete(tripReasons).where(lt(tripReasons.at, new Date(before)));
  await setTimer(tx, { kind: FORGET_TICKS_TIMER, key, dueAt: new Date(tx.now.getTime() + (gone.length === MAX_FORGOTTEN ? 1_000 : DAY_MS / 4)) });
}
