import { Refusal } from '../../platform/errors.js';
import { anyMoney, type MoneyInput, moneyType } from '../../platform/graphqlTypes.js';
import { publicId } from '../../platform/ids.js';
import { DEFAULT_CURRENCY } from '../../platform/money.js';
import type { FareTableRow, PriceEventRow } from './cityQueries.js';
import type { FareRates } from './fare.js';
import { FareRate, type FareRateInput, FareTable, PriceEvent } from './priceTypes.js';

const amount = (amountMinor: number) => moneyType({ amountMinor: BigInt(amountMinor), currency: DEFAULT_CURRENCY });

export function toFareRate(rate: FareRates): FareRate {
  return Object.assign(new FareRate(), {
    vehicleType: rate.vehicleType,
    from: rate.effectiveFrom,
    until: rate.effectiveUntil,
    base: amount(rate.baseMinor),
    perKm: amount(rate.perKmMinor),
    perMinute: amount(rate.perMinuteMinor),
    minimum: amount(rate.minimumMinor),
    bookingFee: amount(rate.bookingFeeMinor),
    cancellationFee: amount(rate.cancellationFeeMinor),
    waitingFreeMinutes: Math.round(rate.waitingFreeS / 60),
    waitingPerMinute: amount(rate.waitingPerMinuteMinor),
  });
}

export function toFareTable({ table, rates }: { table: FareTableRow; rates: FareRates[] }): FareTable {
  const { effectiveFrom, publishedAt, note } = table;
  return Object.assign(new FareTable(), { id: publicId('fat', table.id), effectiveFrom, publishedAt, note, rates: rates.map(toFareRate) });
}

const AMOUNTS = ['base', 'perKm', 'perMinute', 'minimum', 'bookingFee', 'cancellationFee', 'waitingPerMinute'] as const;

/** The row of an input in minor units. @throws Refusal VALIDATION_ERROR for anything but pounds */
export function fareRateOf({ vehicleType, from, until, waitingFreeMinutes, ...rest }: FareRateInput, index: number) {
  const minors = AMOUNTS.map((name) => [`${name}Minor`, minorOf(rest[name], `input.rates.${index}.${name}`)] as const);
  const amounts = Object.fromEntries(minors) as Record<`${(typeof AMOUNTS)[number]}Minor`, number>;
  return { vehicleType, from, until, waitingFreeMinutes, ...amounts };
}

function minorOf(input: MoneyInput, field: string): number {
  const { amountMinor, currency } = anyMoney(input, field);
  if (currency === DEFAULT_CURRENCY) return Number(amountMinor);
  throw new Refusal('VALIDATION_ERROR', `${field}: fares are in ${DEFAULT_CURRENCY}. Convert it.`, {
    details: { field: `${field}.currency`, rule: 'fare_currency' },
  });
}

export function toPriceEvent(row: PriceEventRow): PriceEvent {
  const { area } = row;
  return Object.assign(new PriceEvent(), {
    id: publicId('evp', row.id),
    name: row.name,
    multiplier: row.multiplierPermille / 1000,
    polygon: area.kind === 'POLYGON' ? area.polygon : null,
    centre: area.kind === 'CIRCLE' ? area.centre : null,
    radiusKm: area.kind === 'CIRCLE' ? area.radiusKm : null,
    startsAt: row.startsAt,
    endsAt: row.endsAt,
    endedAt: row.endedAt,
  });
}
