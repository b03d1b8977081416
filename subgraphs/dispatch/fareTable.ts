import { z } from 'zod';
import { Refusal } from '../../platform/errors.js';
import { VEHICLE_TYPES, type VehicleType } from './vehicleType.js';

/** Periods of one rate table. */
const MAX_PERIODS = 60;
/** A table may be written this far ahead. */
const MAX_AHEAD_MS = 20 * 365 * 24 * 3_600_000;
const MAX_MINOR = 10_000_00;

const amount = z.int('must be a whole number of minor units').min(0, 'must not be negative').max(MAX_MINOR, 'is beyond what a ride can cost');

export const fareTableSchema = z.object({
  note: z.string().trim().max(500).nullish(),
  rates: z
    .array(
      z.object({
        vehicleType: z.enum(VEHICLE_TYPES),
        from: z.date(),
        until: z.date().nullish(),
        baseMinor: amount,
        perKmMinor: amount,
        perMinuteMinor: amount,
        minimumMinor: amount,
        bookingFeeMinor: amount,
        cancellationFeeMinor: amount,
        waitingFreeMinutes: z.int('must be a whole number').min(0, 'must not be negative').max(60, 'must not be above an hour'),
        waitingPerMinuteMinor: amount,
      }),
    )
    .min(1, 'must not be empty')
    .max(MAX_PERIODS, `must not have more than ${MAX_PERIODS} rows`),
});
export type FareTableInput = z.output<typeof fareTableSchema>;
export type FarePeriod = FareTableInput['rates'][number];

/**
 * Whether a rate table says for every class and every moment from its beginning on exactly one price (DP-10). All classes begin together, each period
 * begins where the one before it ends, and the last has no end.
 * @returns the moment from which on the table holds
 * @throws Refusal VALIDATION_ERROR with `details.rule` rate_gap, rate_overlap, rate_period or rate_begins
 */
export function assertSeamless(rates: readonly FarePeriod[], now: Date): Date {
  const begins = new Date(Math.min(...rates.map((rate) => rate.from.getTime())));
  if (begins <= now || begins.getTime() > now.getTime() + MAX_AHEAD_MS) {
    throw refused('input.rates', 'rate_begins', 'A rate table has to begin in the future, at most 20 years ahead: prices of the past stay as they were.');
  }
  for (const vehicleType of VEHICLE_TYPES) assertClassSeamless(rates, vehicleType, begins);
  return begins;
}

function assertClassSeamless(rates: readonly FarePeriod[], vehicleType: VehicleType, begins: Date): void {
  const rows = rates
    .map((rate, index) => ({ ...rate, field: `input.rates.${index}` }))
    .filter((rate) => rate.vehicleType === vehicleType)
    .sort((a, b) => a.from.getTime() - b.from.getTime());
  if (rows.length === 0) throw refused('input.rates', 'rate_gap', `${vehicleType} has no rates. A table names all classes.`, { vehicleType });
  let end: Date | null = begins;
  for (const row of rows) {
    if (row.until && row.until <= row.from) throw refused(`${row.field}.until`, 'rate_period', 'A period has to end after it begins.', { vehicleType });
    const at = { vehicleType, from: row.from, expectedFrom: end };
    if (end === null || row.from < end) {
      throw refused(`${row.field}.from`, 'rate_overlap', `${vehicleType} has two prices from ${row.from.toISOString()} on. End the earlier period there.`, at);
    }
    if (row.from > end) {
      throw refused(`${row.field}.from`, 'rate_gap', `${vehicleType} has no price from ${end.toISOString()} on. Begin the period there.`, at);
    }
    end = row.until ?? null;
  }
  if (end !== null) {
    const field = `${rows.at(-1)?.field}.until`;
    throw refused(field, 'rate_gap', `${vehicleType} has no price from ${end.toISOString()} on. Leave out the end of the last period.`, { vehicleType });
  }
}

function refused(field: string, rule: string, message: string, more: Record<string, unknown> = {}): Refusal {
  return new Refusal('VALIDATION_ERROR', message, { details: { field, rule, ...more } });
}
