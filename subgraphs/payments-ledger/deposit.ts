import type { deposits } from './tables.js';

export const DEPOSIT_STATUSES = ['PENDING', 'COMPLETED', 'DECLINED', 'FLAGGED'] as const;

export type DepositRow = typeof deposits.$inferSelect;
