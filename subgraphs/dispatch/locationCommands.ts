import { Refusal } from '../../platform/errors.js';
import type { Dispatch } from './context.js';
import { checkReport, type Refused, type Report, UNKNOWN_DRIVER } from './locationReport.js';
import type { DriverPoint } from './positions.js';
import { encodePosition, tripTopic } from './signals.js';

/** Entries of one call (DP-04). */
export const MAX_POINTS = 500;
export interface Acknowledgement {
  accepted: number;
  /** `field` is the part of the point that broke the rule. */
  rejections: ({ index: number } & Refused)[];
}

/**
 * Takes points, by the device's clock (DP-03): Redis moves the driver, who watches his trip is told at once, Postgres hears of it in batches. An older
 * point is kept as history and moves nobody. No Postgres on this way unless a driver is new here.
 * @throws Refusal VALIDATION_ERROR for more than 500 points, DEPENDENCY_UNAVAILABLE
 */
export async function recordLocations(dispatch: Dispatch, reports: readonly Report[], now: Date): Promise<Acknowledgement> {
  if (reports.length > MAX_POINTS) {
    throw new Refusal('VALIDATION_ERROR', `input: must not hold more than ${MAX_POINTS} points.`, { details: { field: 'input', rule: 'too_many' } });
  }
  const checked = reports.map((report) => checkReport(report, now));
  const points = checked.filter((result): result is DriverPoint => !('reason' in result));
  const moves = await dispatch.positions.move(points);
  const known = new Set(moves.map((move) => move.point.driverId));
  dispatch.buffer.add(points.filter((point) => known.has(point.driverId)));
  for (const { point, moved, tripId } of moves) {
    if (moved && tripId) dispatch.feed.publish(tripTopic(tripId), encodePosition({ place: point, heading: point.heading, at: point.recordedAt }));
  }
  const rejections = checked.flatMap((result, index) => {
    if ('reason' in result) return [{ index, ...result }];
    return known.has(result.driverId) ? [] : [{ index, ...UNKNOWN_DRIVER }];
  });
  return { accepted: reports.length - rejections.length, rejections };
}

/** For a single point: what is wrong with it is an error, not a line in a list. @throws Refusal VALIDATION_ERROR */
export function assertAccepted(acknowledgement: Acknowledgement): void {
  const [rejection] = acknowledgement.rejections;
  if (!rejection) return;
  const field = ['input', rejection.field].filter(Boolean).join('.');
  throw new Refusal('VALIDATION_ERROR', `${field}: ${rejection.message}`, { details: { field, rule: rejection.reason } });
}
