import { z } from 'zod';
import { pointSchema } from './point.js';
import type { DriverPoint } from './positions.js';

/** Devices' clocks may be this much ahead of ours. */
const MAX_AHEAD_MS = 30_000;

export const REJECTIONS = ['INVALID_POINT', 'FROM_THE_FUTURE', 'UNKNOWN_DRIVER'] as const;
export type Rejection = (typeof REJECTIONS)[number];

const reportSchema = z.object({
  point: pointSchema,
  heading: z.number().min(0, 'heading must be 0 to 360').max(360, 'heading must be 0 to 360').nullish(),
  speedKmh: z.number().min(0, 'speed must not be negative').max(1_000, 'speed must be in km/h').nullish(),
  accuracyM: z.number().min(0, 'accuracy must not be negative').max(100_000, 'accuracy must be in metres').nullish(),
  recordedAt: z.date(),
});

/** A point as a device sent it; `driverId` is null when there is no such driver. */
export interface Report {
  driverId: string | null;
  point: { lat: number; lng: number };
  heading?: number | null;
  speedKmh?: number | null;
  accuracyM?: number | null;
  recordedAt: Date;
}

export interface Refused {
  reason: Rejection;
  message: string;
  field?: string;
}

export const UNKNOWN_DRIVER: Refused = { reason: 'UNKNOWN_DRIVER', message: 'There is no such driver.' };

/** The point of a report, or why it cannot be one (DP-03). */
export function checkReport(report: Report, now: Date): DriverPoint | Refused {
  if (report.driverId === null) return UNKNOWN_DRIVER;
  const parsed = reportSchema.safeParse(report);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    return { reason: 'INVALID_POINT', message: issue?.message ?? 'The point is not valid.', field: issue?.path.join('.') };
  }
  const { point, heading, speedKmh, accuracyM, recordedAt } = parsed.data;
  if (recordedAt.getTime() > now.getTime() + MAX_AHEAD_MS)
    return { reason: 'FROM_THE_FUTURE', message: 'is in the future. Set the clock of the device.', field: 'recordedAt' };
  return { driverId: report.driverId, ...point, heading: heading ?? null, speedKmh: speedKmh ?? null, accuracyM: accuracyM ?? null, recordedAt };
}
