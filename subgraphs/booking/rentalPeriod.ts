import { Refusal } from '../../platform/errors.js';

/** From pick-up to return; the moment of return is not included. */
export interface Period {
  pickupAt: Date;
  returnAt: Date;
}

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
export const MIN_RENTAL_MS = HOUR_MS;
export const MAX_RENTAL_DAYS = 90;
/** The longest stretch of time that availability is told for. */
export const MAX_WINDOW_DAYS = 366;
/** Moments outside are typing errors, and some of them no date that Postgres can read. */
const EARLIEST = new Date('2000-01-01T00:00:00Z');
export const LATEST = new Date('2100-01-01T00:00:00Z');

const clocks = new Map<string, Intl.DateTimeFormat>();

/** What a wall clock in the zone shows, as if it were UTC, in milliseconds. @throws RangeError for a zone that does not exist */
function wallClockMs(at: Date, timeZone: string): number {
  let clock = clocks.get(timeZone);
  if (!clock) {
    const digits = { year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric', second: 'numeric' } as const;
    clock = new Intl.DateTimeFormat('en-US', { timeZone, calendar: 'iso8601', numberingSystem: 'latn', hourCycle: 'h23', ...digits });
    clocks.set(timeZone, clock);
  }
  const shown = Object.fromEntries(clock.formatToParts(at).map(({ type, value }) => [type, Number(value)]));
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = shown;
  return Date.UTC(year, month - 1, day, hour, minute, second, at.getUTCMilliseconds());
}

/**
 * Days that a rental is charged for: each 24 h started, by the wall clock of the station, at least one. From ten to ten the next morning is one
 * day, also in a night that has 23 or 25 hours (BK-05).
 */
export function rentalDays(pickupAt: Date, returnAt: Date, timeZone: string): number {
  const elapsedMs = wallClockMs(returnAt, timeZone) - wallClockMs(pickupAt, timeZone);
  return Math.max(1, Math.ceil(elapsedMs / DAY_MS));
}

function refusePeriod(field: string, rule: string, message: string): Refusal {
  return new Refusal('VALIDATION_ERROR', `${field}: ${message}`, { details: { field, rule } });
}

/** The limits of BK-05. @throws Refusal VALIDATION_ERROR for an end before the beginning, a pick-up in the past, under 1 h, over 90 days */
export function assertPeriod({ pickupAt, returnAt }: Period, timeZone: string, now: Date): void {
  if (returnAt <= pickupAt) throw refusePeriod('input.returnAt', 'after_pickup', 'must be after `pickupAt`.');
  if (pickupAt <= now) throw refusePeriod('input.pickupAt', 'future', 'must be in the future.');
  if (returnAt >= LATEST) throw refusePeriod('input.returnAt', 'too_late', `must be before ${LATEST.getUTCFullYear()}.`);
  if (returnAt.getTime() - pickupAt.getTime() < MIN_RENTAL_MS) throw refusePeriod('input.returnAt', 'too_short', 'must be at least 1 hour after `pickupAt`.');
  if (rentalDays(pickupAt, returnAt, timeZone) > MAX_RENTAL_DAYS) {
    throw refusePeriod('input.returnAt', 'too_long', `must be at most ${MAX_RENTAL_DAYS} days after \`pickupAt\`.`);
  }
}

/** What availability may be asked for. @throws Refusal VALIDATION_ERROR for an inverted, too long or absurd window */
export function assertWindow(from: Date, to: Date, prefix = ''): void {
  if (from < EARLIEST || from >= LATEST) throw refusePeriod(`${prefix}from`, 'out_of_range', 'must be a year from 2000 to 2099.');
  if (to <= from) throw refusePeriod(`${prefix}to`, 'after_from', 'must be after `from`.');
  if (to.getTime() - from.getTime() > MAX_WINDOW_DAYS * DAY_MS)
    throw refusePeriod(`${prefix}to`, 'too_long', `must be at most ${MAX_WINDOW_DAYS} days after \`from\`.`);
}
