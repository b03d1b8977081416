export const VEHICLE_TYPES = ['ECONOMY', 'COMFORT', 'PREMIUM', 'XL'] as const;
export type VehicleType = (typeof VEHICLE_TYPES)[number];

/** Which cars may serve a request, the exact type first: a better car may always come, and only a large one has the seats of XL (DP-20). */
export const SERVED_BY: Readonly<Record<VehicleType, readonly VehicleType[]>> = {
  ECONOMY: ['ECONOMY', 'COMFORT', 'PREMIUM', 'XL'],
  COMFORT: ['COMFORT', 'PREMIUM'],
  PREMIUM: ['PREMIUM'],
  XL: ['XL'],
};

/** Platform's share of a fare in percent, by the type that was ordered. Source: PL-12; payments-ledger settles by its own copy of the same table. */
export const COMMISSION_PERCENT: Readonly<Record<VehicleType, bigint>> = { ECONOMY: 15n, COMFORT: 18n, PREMIUM: 20n, XL: 17n };
