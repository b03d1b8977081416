import { moneyType } from '../../platform/graphqlTypes.js';
import { publicId } from '../../platform/ids.js';
import type { BookingStatus } from './bookingStatus.js';
import type { BookingRow, QuoteRow } from './queries.js';
import { Booking, BookingDeposit, QuoteLine, RentalQuote, RentalRecord, Station, User, Vehicle } from './types.js';

export const vehicleReference = (uuid: string) => Object.assign(new Vehicle(), { id: publicId('veh', uuid) });
const userReference = (uuid: string) => Object.assign(new User(), { id: publicId('usr', uuid) });

/** The public shape of a booking, or of what it was while it had an earlier status: what came with its end is then not there yet. */
export function toBooking(row: BookingRow, status: BookingStatus = row.status): Booking {
  const id = publicId('bkg', row.id);
  const present = status === row.status;
  const { currency } = row;
  return Object.assign(new Booking(), {
    id,
    ref: id,
    status,
    vehicle: vehicleReference(row.vehicleId),
    customer: userReference(row.customerId),
    pickupAt: row.pickupAt,
    returnAt: row.returnAt,
    total: moneyType({ amountMinor: row.totalMinor, currency }),
    paymentMethod: row.paymentMethod,
    failure: present && row.failureCode !== null ? { code: row.failureCode, message: row.failureMessage ?? '' } : null,
    holdExpiresAt: status === 'HELD' ? row.holdExpiresAt : null,
    cancelReason: present ? row.cancelReason : null,
    fee: present && row.feeMinor !== null ? moneyType({ amountMinor: row.feeMinor, currency }) : null,
    station: stationReferenceOrNull(row.stationId),
    returnStation: stationReferenceOrNull(row.returnStationId ?? row.stationId),
    guest: row.guest,
    atRiskSince: present ? row.atRiskSince : null,
    atRiskReason: present ? row.atRiskWhy : null,
    deposit: row.depositMinor > 0n ? toDeposit(row) : null,
    rental: row.startedAt ? toRental(row, row.startedAt) : null,
    createdAt: row.createdAt,
  });
}

const stationReference = (uuid: string) => Object.assign(new Station(), { id: publicId('stn', uuid) });
const stationReferenceOrNull = (uuid: string | null) => (uuid === null ? null : stationReference(uuid));

function toRental(row: BookingRow, startedAt: Date): RentalRecord {
  const fee = (amountMinor: bigint | null) => (amountMinor === null ? null : moneyType({ amountMinor, currency: row.currency }));
  return Object.assign(new RentalRecord(), {
    startedAt,
    startOdometerKm: row.startOdometerKm ?? 0,
    startFuelPercent: row.startFuelPercent ?? 0,
    returnedAt: row.returnedAt,
    returnOdometerKm: row.returnOdometerKm,
    returnFuelPercent: row.returnFuelPercent,
    overdueSince: row.overdueSince,
    lateFee: fee(row.lateFeeMinor),
    fuelFee: fee(row.fuelFeeMinor),
    damageFee: fee(row.damageFeeMinor),
    youngDriverFee: fee(row.youngDriverFeeMinor),
    damageNote: row.damageNote,
  });
}

function toDeposit({ depositMinor, depositStatus, depositTakenMinor, currency }: BookingRow): BookingDeposit {
  return Object.assign(new BookingDeposit(), {
    amount: moneyType({ amountMinor: depositMinor, currency }),
    status: depositStatus,
    taken: depositTakenMinor === null ? null : moneyType({ amountMinor: depositTakenMinor, currency }),
  });
}

export function toQuote(row: QuoteRow): RentalQuote {
  const { currency } = row;
  return Object.assign(new RentalQuote(), {
    id: publicId('qte', row.id),
    vehicle: vehicleReference(row.vehicleId),
    pickupAt: row.pickupAt,
    returnAt: row.returnAt,
    pickupStation: stationReferenceOrNull(row.pickupStationId),
    returnStation: stationReferenceOrNull(row.returnStationId ?? row.pickupStationId),
    days: row.days,
    lines: row.lines.map(({ kind, label, amountMinor }) =>
      Object.assign(new QuoteLine(), { kind, label, amount: moneyType({ amountMinor: BigInt(amountMinor), currency }) }),
    ),
    total: moneyType({ amountMinor: row.totalMinor, currency }),
    deposit: moneyType({ amountMinor: row.depositMinor, currency }),
    expiresAt: row.expiresAt,
  });
}
