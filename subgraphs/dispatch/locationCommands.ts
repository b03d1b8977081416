import { Refusal } from '../../platform/errors.js';
import type { Dispatch } from './context.js';
import { type CheckedPoint, checkReport, type Refused, type Report, type ReportKind, TRY_AGAIN, UNKNOWN_DRIVER } from './locationReport.js';
import { type Move, newestOfEach, type TrackedPoint } from './positions.js';
import { encodePosition, tripTopic } from './signals.js';
import { type Fix, judge, SLACK_M, SUSPICION_WORDS, type Suspicion } from './spoofing.js';
import { within } from './within.js';
import { airportAt } from './zone.js';

/** A move that Redis has not taken in this time is taken for lost: its points wait, and the device gets its answer. */
const MOVE_WITHIN_MS = 2_000;
/** Entries of one call (DP-04). */
export const MAX_POINTS = 500;
export interface Acknowledgement {
  accepted: number;
  /** `field` is the part of the point that broke the rule. */
  rejections: ({ index: number } & Refused)[];
}

/** A report on its way: what it says, and why it is refused once somebody has found a reason. */
interface Entry {
  point: CheckedPoint | null;
  refused?: Refused;
}
type Pointed = Entry & { point: CheckedPoint };

/**
 * Takes points, by the device's clock (DP-03): Redis moves the driver, who watches his trip is told at once, Postgres hears of it in batches. An older
 * point is kept as history and moves nobody; one that cannot be true is kept as a flag, and moves nobody (DP-08). While Redis does not answer, the newest
 * point of each driver waits for it (DP-07b). No Postgres on this way unless a driver is new here.
 * @throws Refusal VALIDATION_ERROR for more than 500 points, DEPENDENCY_UNAVAILABLE when neither Redis nor Postgres says whether there is such a driver
 */
export async function recordLocations(dispatch: Dispatch, reports: readonly Report[], now: Date, kind: ReportKind): Promise<Acknowledgement> {
  if (reports.length > MAX_POINTS) {
    throw new Refusal('VALIDATION_ERROR', `input: must not hold more than ${MAX_POINTS} points.`, { details: { field: 'input', rule: 'too_many' } });
  }
  const entries = reports.map((report): Entry => {
    const result = checkReport(report, now, kind);
    return 'reason' in result ? { point: null, refused: result } : { point: result };
  });
  const moving = await believed(dispatch, entries, now);
  const moves = await moveAll(dispatch, moving);
  const [known, unresolved] = [new Set<string>(), new Set<string>()];
  for (const { point, isUnresolved } of moves) (isUnresolved ? unresolved : known).add(point.driverId);
  for (const entry of entries) {
    if (entry.refused || entry.point === null || known.has(entry.point.driverId)) continue;
    entry.refused = unresolved.has(entry.point.driverId) ? TRY_AGAIN : UNKNOWN_DRIVER;
  }
  dispatch.buffer.add(entries.flatMap(({ point, refused }) => (refused || point === null ? [] : [point])));
  const rejections = entries.flatMap(({ refused }, index) => (refused ? [{ index, ...refused }] : []));
  return { accepted: reports.length - rejections.length, rejections };
}

/** A report that cannot be true, and the last place that was believed before it. */
interface Suspect {
  entry: Pointed;
  kind: Suspicion;
  from: Fix | null;
}

/** The newest point of each driver that can be true; what cannot is refused and noted, if there is such a driver. */
async function believed(dispatch: Dispatch, entries: readonly Entry[], now: Date): Promise<TrackedPoint[]> {
  const tracks = new Map<string, Pointed[]>();
  for (const entry of entries as readonly Pointed[]) {
    if (entry.point === null) continue;
    const track = tracks.get(entry.point.driverId);
    if (track) track.push(entry);
    else tracks.set(entry.point.driverId, [entry]);
  }
  if (tracks.size === 0) return [];
  const fixes = await fixesOf(dispatch, [...tracks.keys()]);
  const zones = dispatch.zones.all();
  const suspects: Suspect[] = [];
  const moving: TrackedPoint[] = [];
  for (const [driverId, track] of tracks) {
    const newest = followed(track, fixes.get(driverId) ?? null, suspects);
    if (newest === null) continue;
    const { point, fix } = newest;
    const zoneId = zones === null ? undefined : zoneIdAt(zones, point);
    moving.push({ ...point, slackM: fix?.slackM ?? SLACK_M, still: fix?.still ?? 0, zoneId });
  }
  if (suspects.length > 0) await note(dispatch, suspects, now);
  return moving;
}

/** The newest point of one driver's track that can be true; adds those that cannot to the suspects. */
function followed(track: Pointed[], last: Fix | null, suspects: Suspect[]): { point: CheckedPoint; fix: Fix | null } | null {
  let fix = last;
  let newest: CheckedPoint | null = null;
  for (const entry of track.sort((a, b) => a.point.recordedAt.getTime() - b.point.recordedAt.getTime())) {
    const { point } = entry;
    const at = point.recordedAt.getTime();
    // An older one moves nobody, and cannot be held against a place where the driver was later.
    const isLate = fix !== null && at <= fix.at && !point.mocked;
    const judgement = isLate ? null : judge(fix, point, at);
    if (judgement?.suspicion) {
      suspects.push({ entry, kind: judgement.suspicion, from: fix });
      continue;
    }
    if (judgement) fix = judgement.fix;
    newest = point;
  }
  return newest && { point: newest, fix };
}

/** While there are no airports nobody waits at one, and nothing has to be counted. */
function zoneIdAt(zones: NonNullable<ReturnType<Dispatch['zones']['all']>>, point: CheckedPoint): string | null | undefined {
  return zones.some((zone) => zone.kind === 'AIRPORT_QUEUE') ? (airportAt(zones, point)?.id ?? null) : undefined;
}

/** While Redis does not answer, nobody's last place is known: then only what a device says of itself counts. */
async function fixesOf(dispatch: Dispatch, driverIds: readonly string[]): Promise<Map<string, Fix | null>> {
  if (dispatch.backlog.isHolding()) return new Map();
  return dispatch.positions.fixes(driverIds).catch(() => new Map());
}

async function note(dispatch: Dispatch, suspects: readonly { entry: Pointed; kind: Suspicion; from: Fix | null }[], now: Date): Promise<void> {
  // Flags are rows of drivers: for an id that is nobody's there is nothing to note, and it is refused as such. Who has a last place is somebody.
  dispatch.drivers.note(suspects.flatMap(({ entry, from }) => (from ? [entry.point.driverId] : [])));
  const existing = await dispatch.drivers.existing([...new Set(suspects.map(({ entry }) => entry.point.driverId))]);
  const noted = suspects.filter(({ entry }) => existing.has(entry.point.driverId));
  for (const { entry, kind } of noted) {
    entry.refused = { reason: 'SUSPICIOUS', message: SUSPICION_WORDS[kind], field: kind === 'MOCKED' ? 'mocked' : 'point' };
  }
  dispatch.flags.add(
    noted.map(({ entry: { point }, kind, from }) => ({
      driverId: point.driverId,
      kind,
      from: from && { lat: from.lat, lng: from.lng, at: new Date(from.at) },
      to: { lat: point.lat, lng: point.lng, at: point.recordedAt },
      at: now,
    })),
  );
}

/** Moves drivers in Redis, or keeps their points for when it is back; then those who exist count as known. */
async function moveAll(dispatch: Dispatch, points: readonly TrackedPoint[]): Promise<Move[]> {
  if (points.length === 0) return [];
  if (!dispatch.backlog.isHolding()) {
    // What is late still moves the drivers and is told to who watches; its points wait as well, and are nothing new then.
    const moves = await within(MOVE_WITHIN_MS, movePositions(dispatch, points)).catch((error: unknown) => dispatch.onError(error, 'positions not taken'));
    if (moves) return moves;
  }
  const existing = await dispatch.drivers.existing(points.map((point) => point.driverId));
  const kept = newestOfEach(points).filter((point) => existing.has(point.driverId));
  dispatch.backlog.keep(kept);
  return kept.map((point) => ({ point, moved: false, tripId: null, zoneChange: undefined, isUnresolved: false }));
}

/** Moves drivers, tells who watches their trips, and who comes to an airport or leaves it. @throws Refusal DEPENDENCY_UNAVAILABLE */
export async function movePositions(dispatch: Omit<Dispatch, 'backlog'>, points: readonly TrackedPoint[]): Promise<Move[]> {
  const moves = await dispatch.positions.move(points);
  for (const move of moves) {
    const { point, moved, tripId, zoneChange } = move;
    if (moved && tripId) {
      const { heading, driverId, recordedAt: at } = point;
      dispatch.feed.publish(tripTopic(tripId), encodePosition({ place: point, heading, at, driverId }));
    }
    if (zoneChange !== undefined) dispatch.queueChanges.add([{ driverId: point.driverId, zoneId: zoneChange, at: point.recordedAt }]);
  }
  dispatch.drivers.note(moves.flatMap((move) => (move.isUnresolved ? [] : [move.point.driverId])));
  return moves;
}

/** For a single point: what is wrong with it is an error, not a line in a list. @throws Refusal VALIDATION_ERROR */
export function assertAccepted(acknowledgement: Acknowledgement): void {
  const [rejection] = acknowledgement.rejections;
  if (!rejection) return;
  const field = ['input', rejection.field].filter(Boolean).join('.');
  throw new Refusal('VALIDATION_ERROR', `${field}: ${rejection.message}`, { details: { field, rule: rejection.reason } });
}
