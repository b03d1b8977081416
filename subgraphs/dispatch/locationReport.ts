import { z } from 'zod';
import { pointSchema } from './point.js';
import type { DriverPoint } from './positions.js';

/** Devices' clocks may be this much ahead of ours. */
const MAX_AHEAD_MS = 30_000;

/** Points of a live report may be this old, and those recorded offline that old; older ones say nothing that anybody waits for. */
export const MAX_AGE_MS = { live: 3_600_000, offline: 24 * 3_600_000 } as const;
export type ReportKind = keyof typeof MAX_AGE_MS;

export const REJECTIONS = ['INVALID_POINT', 'FROM_THE_FUTURE', 'TOO_OLD', 'SUSPICIOUS', 'UNKNOWN_DRIVER', 'TRY_AGAIN'] as const;
export type Rejection = (typeof REJECTIONS)[number];

const reportSchema = z.object({
  point: pointSchema,
  heading: z.number().min(0, 'heading must be 0 to 360').max(360, 'heading must be 0 to 360').nullish(),
  speedKmh: z.number().min(0, 'speed must not be negative').max(300, 'speed must be in km/h, and of a car').nullish(),
  accuracyM: z.number().min(0, 'accuracy must not be negative').max(100_000, 'accuracy must be in metres').nullish(),
  mocked: z.boolean().nullish(),
  recordedAt: z.date(),
});

/** A point as a device sent it; `driverId` is null when there is no such driver. */
export interface Report {
  driverId: string | null;
  point: { lat: number; lng: number };
  heading?: number | null;
  speedKmh?: number | null;
  accuracyM?: number | null;
  mocked?: boolean | null;
  recordedAt: Date;
}

/** A point as it may be, before anybody asked whether it is true. */
export interface CheckedPoint extends DriverPoint {
  mocked: boolean;
}

export interface Refused {
  reason: Rejection;
  message: string;
  field?: string;
}

export const UNKNOWN_DRIVER: Refused = { reason: 'UNKNOWN_DRIVER', message: 'There is no such driver.' };

export const TRY_AGAIN: Refused = { reason: 'TRY_AGAIN', message: 'could not be checked at the moment. Send it again shortly.' };

/** The point of a report, or why it cannot be one (DP-03). */
export function checkReport(report: Report, now: Date, kind: ReportKind): CheckedPoint | Refused {
  if (report.driverId === null) return UNKNOWN_DRIVER;
  const parsed = reportSchema.safeParse(report);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    return { reason: 'INVALID_POINT', message: issue?.message ?? 'The point is not valid.', field: issue?.path.join('.') };
  }
  const { point, heading, speedKmh, accuracyM, mocked, recordedAt } = parsed.data;
  if (recordedAt.getTime() > now.getTime() + MAX_AHEAD_MS)
    return { reason: 'FROM_THE_FUTURE', message: 'is in the future. Set the clock of the device.', field: 'recordedAt' };
  if (recordedAt.getTime() < now.getTime() - MAX_AGE_MS[kind]) return tooOld(kind);
  const measured = { heading: heading ?? null, speedKmh: speedKmh ?? null, accuracyM: accuracyM ?? null };
  return { driverId: report.driverId, ...point, ...measured, mocked: mocked ?? false, recordedAt };
}

function tooOld(kind: ReportKind): Refused {
  const message =
    kind === 'live' ? 'is more than an hour ago. Send points that were recorded offline with `updateLocations`.' : 'is more than a day ago. Leave it out.';
  return { reason: 'TOO_OLD', message, field: 'recordedAt' };
}
