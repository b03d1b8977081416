import { z } from 'zod';
import { Refusal } from '../../platform/errors.js';
import type { withdrawals } from './flowTables.js';

export const WITHDRAWAL_STATUSES = ['REQUESTED', 'APPROVED', 'REJECTED', 'PAID', 'FAILED'] as const;
export type WithdrawalStatus = (typeof WITHDRAWAL_STATUSES)[number];
export const WITHDRAWAL_METHODS = ['BANK', 'MOBILE_WALLET'] as const;

export type WithdrawalRow = typeof withdrawals.$inferSelect;

/** An IBAN, a local account number or a phone number, as people write them; kept without spaces and dashes. */
export const withdrawalSchema = z.object({
  method: z.enum(WITHDRAWAL_METHODS),
  accountNumber: z
    .string()
    .transform((text) => text.replace(/[\s-]/g, ''))
    .pipe(z.string().regex(/^\+?[A-Za-z0-9]{4,34}$/, 'must be an account or phone number of 4 to 34 letters and digits')),
});

export const reasonSchema = z.object({ reason: z.string().trim().min(1, 'must say why').max(500, 'must not be longer than 500 characters') });

export const payoutReferenceSchema = z.object({
  reference: z.string().trim().min(1, 'must be the bank’s reference').max(100, 'must not be longer than 100 characters'),
});

const OUTCOMES = { APPROVE: ['APPROVED', 'PAID', 'FAILED'], REJECT: ['REJECTED'] } as const;

/**
 * Whether a decision still has to be made: false when the same admin has made the same one before (EV-05).
 * @throws Refusal CONFLICT with the present status when somebody else, or the other way, decided first
 */
export function mayDecide(row: WithdrawalRow, decision: keyof typeof OUTCOMES, adminId: string | null): boolean {
  if (row.status === 'REQUESTED') return true;
  const same = (OUTCOMES[decision] as readonly string[]).includes(row.status);
  if (same && row.decidedBy === adminId) return false;
  throw new Refusal('CONFLICT', `This withdrawal was decided already: it is ${row.status}.`, { details: { status: row.status } });
}
