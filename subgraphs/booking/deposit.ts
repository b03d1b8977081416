/** How far a deposit is: asked for at pick-up, set aside or refused, and settled at return. Null before the pick-up, and where there is none. */
export const DEPOSIT_STATUSES = ['REQUESTED', 'HELD', 'DECLINED', 'RELEASED', 'CAPTURED'] as const;
export type DepositStatus = (typeof DEPOSIT_STATUSES)[number];

/** What is set aside while a car is out, in minor units, per currency of the vehicle: for most classes, and for those that cost more to repair. None elsewhere. */
const DEPOSITS_MINOR: Readonly<Record<string, { usual: bigint; large: bigint; precious: bigint }>> = {
  EGP: { usual: 3_000_00n, large: 5_000_00n, precious: 10_000_00n },
  USD: { usual: 100_00n, large: 150_00n, precious: 300_00n },
  EUR: { usual: 100_00n, large: 150_00n, precious: 300_00n },
};
const SIZE_OF: Readonly<Record<string, 'large' | 'precious'>> = { PREMIUM: 'large', SUV: 'large', XL: 'large', SPORTS: 'precious', LUXURY: 'precious' };

/** The deposit for a car of this class (BK-07), in minor units; not part of the price. Zero in a currency that has none. */
export function depositMinor(category: string, currency: string): bigint {
  return DEPOSITS_MINOR[currency]?.[SIZE_OF[category] ?? 'usual'] ?? 0n;
}

const DAY_MS = 86_400_000;
const KEPT_AFTER_RETURN_DAYS = 30;

/** Until when a deposit may be held: past the agreed return, because a car may be late; then it is released whatever has become of the car. */
export function depositUntil(returnAt: Date): Date {
  return new Date(returnAt.getTime() + KEPT_AFTER_RETURN_DAYS * DAY_MS);
}
