import type { deposits } from './flowTables.js';

export const DEPOSIT_STATUSES = ['PENDING', 'COMPLETED', 'DECLINED', 'FLAGGED', 'REVERSED'] as const;

export type DepositRow = typeof deposits.$inferSelect;
