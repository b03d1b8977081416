import { notFound, Refusal } from '../../platform/errors.js';
import type { Tx } from '../../platform/postgres.js';
import { changeStream } from './changeStream.js';
import type { Dispatch, DispatchContext } from './context.js';
import { asSystem } from './elevation.js';
import type { Seen } from './positionValues.js';
import { tripOfToken } from './shareCommands.js';
import { decodePosition, type HeardPosition, tripTopic } from './signals.js';
import { hasDriverOnIt, isTerminal, nextStop, type TripRow, type TripStateRow, type UpdateKind } from './trip.js';
import { statesAfter, tripForParty } from './tripQueries.js';

/** One message of `tripUpdates`; `trip` is as of the last look, which is never older than the last state. */
export interface TripUpdateSource {
  kind: UpdateKind;
  sequence: number;
  status: string;
  trip: TripRow;
  seen: Seen | null;
  etaSeconds: number | null;
  at: Date;
}

/** The trip with its states after a sequence, for who may see it at this moment, and until when at most; null for others. */
type ReadTrip = (tx: Tx, after: number) => Promise<{ trip: TripRow; states: TripStateRow[]; until?: Date } | null>;

/**
 * The states of a trip, each once and in order, and between them the newest position (DP-31, DP-31b), for its parties.
 * @throws Refusal NOT_FOUND, VALIDATION_ERROR
 */
export async function watchTrip(ctx: DispatchContext, tripId: string, afterSequence: number | null): Promise<AsyncIterableIterator<TripUpdateSource>> {
  return watch(ctx, afterSequence, async (tx, after) => {
    // The trip is read after its log: it may be ahead of it by a state, and then there is a hint, but it never is behind.
    const states = await statesAfter(tx.orm, tripId, after);
    const trip = await tripForParty(tx, tripId);
    return trip ? { trip, states } : null;
  });
}

/**
 * The same for whoever has a link to the trip (DP-32): as long as the link is good, and to the end of the trip, but not from there on.
 * @throws Refusal NOT_FOUND, VALIDATION_ERROR
 */
export async function watchSharedTrip(ctx: DispatchContext, token: string, afterSequence: number | null): Promise<AsyncIterableIterator<TripUpdateSource>> {
  const isLive = await ctx.run(async (tx) => {
    const known = await tripOfToken(tx, token);
    return known !== undefined && !isTerminal(known.trip.status);
  });
  if (!isLive) throw new Refusal('NOT_FOUND', 'This link does not work, or does not work any longer. Ask for a new one.', { details: { field: 'token' } });
  return watch(ctx, afterSequence, async (tx, after) => {
    const known = await tripOfToken(tx, token);
    if (!known) return null;
    const states = await asSystem(tx, () => statesAfter(tx.orm, known.trip.id, after));
    const present = await tripOfToken(tx, token);
    return present ? { ...present, states } : null;
  });
}

/** How a trip is at this moment, as a message of its stream. */
export async function presentOf(dispatch: Dispatch, trip: TripRow, now: Date): Promise<TripUpdateSource> {
  const seen = trip.driverId !== null && hasDriverOnIt(trip.status) ? await dispatch.positions.lastSeen(trip.driverId) : null;
  const etaSeconds = seen ? dispatch.routing.leg(seen.place, nextStop(trip), now).durationS : null;
  return { kind: 'SNAPSHOT', sequence: trip.sequence, status: trip.status, trip, seen, etaSeconds, at: now };
}

/**
 * Without `afterSequence`, and with one that the trip has not reached, it begins with a snapshot. Who may watch is asked again at every look: a driver who
 * is no longer on the trip sees it end.
 */
async function watch(ctx: DispatchContext, afterSequence: number | null, readTrip: ReadTrip): Promise<AsyncIterableIterator<TripUpdateSource>> {
  if (afterSequence !== null && afterSequence < 0) {
    throw new Refusal('VALIDATION_ERROR', 'afterSequence: must not be negative.', { details: { field: 'afterSequence', rule: 'min' } });
  }
  const { dispatch } = ctx.loaders;
  const read = (after: number) => ctx.run((tx) => readTrip(tx, after));
  const first = await read(0);
  if (!first) throw notFound('trip', 'tripId');

  let { trip, until } = first;
  let delivered = afterSequence ?? 0;
  let needsSnapshot = afterSequence === null || afterSequence > trip.sequence;
  let position: HeardPosition | null = null;
  const isTooLate = () => until !== undefined && ctx.db.clock() >= until;

  const update = (kind: UpdateKind, sequence: number, status: string, seen: Seen | null, at: Date): TripUpdateSource => {
    const isMoving = seen !== null && hasDriverOnIt(status);
    return { kind, sequence, status, trip, seen, etaSeconds: isMoving ? dispatch.routing.leg(seen.place, nextStop(trip), at).durationS : null, at };
  };

  const look = async (): Promise<TripUpdateSource[] | 'END'> => {
    const found = await read(needsSnapshot ? 0 : delivered);
    if (!found) return 'END';
    ({ trip, until } = found);
    const seen = trip.driverId !== null && hasDriverOnIt(trip.status) ? await dispatch.positions.lastSeen(trip.driverId) : null;
    if (needsSnapshot) {
      const present = found.states.at(-1);
      if (!present) return 'END';
      needsSnapshot = false;
      delivered = present.sequence;
      return [update('SNAPSHOT', present.sequence, present.status, seen, present.at)];
    }
    if (found.states.length === 0) return isTerminal(trip.status) && delivered >= trip.sequence ? 'END' : [];
    delivered = found.states.at(-1)?.sequence ?? delivered;
    return found.states.map((state) => update('STATE', state.sequence, state.status, state.sequence === delivered ? seen : null, state.at));
  };

  const feed = await ctx.feed.listen(tripTopic(trip.id));
  return changeStream(feed, {
    look,
    hear: (message) => {
      const heard = decodePosition(message);
      // Whoever has it now, and whether it may still be watched, is looked up before anything is shown of a driver that it did not have.
      if (heard === null || heard.driverId !== trip.driverId || isTooLate()) return true;
      if (position === null || heard.at > position.at) position = heard;
      return false;
    },
    newest: () => {
      const seen = position;
      position = null;
      const isShown = seen !== null && seen.driverId === trip.driverId && hasDriverOnIt(trip.status) && !isTooLate();
      return isShown ? update('POSITION', delivered, trip.status, seen, seen.at) : null;
    },
    isLast: (value) => isTerminal(value.status),
  });
}
