import { notFound, Refusal } from '../../platform/errors.js';
import { changeStream } from './changeStream.js';
import type { DispatchContext } from './context.js';
import type { Seen } from './positions.js';
import { decodePosition, tripTopic } from './signals.js';
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

/**
 * The states of a trip, each once and in order, and between them the newest position (DP-31, DP-31b). Without `afterSequence`, and with one that the
 * trip has not reached, it begins with a snapshot. Who may watch is asked again at every look: a driver who is no longer on the trip sees it end.
 * @throws Refusal NOT_FOUND, VALIDATION_ERROR
 */
export async function watchTrip(ctx: DispatchContext, tripId: string, afterSequence: number | null): Promise<AsyncIterableIterator<TripUpdateSource>> {
  if (afterSequence !== null && afterSequence < 0) {
    throw new Refusal('VALIDATION_ERROR', 'afterSequence: must not be negative.', { details: { field: 'afterSequence', rule: 'min' } });
  }
  const { dispatch } = ctx.loaders;
  const read = (after: number) =>
    ctx.run(async (tx): Promise<{ trip: TripRow; states: TripStateRow[] } | null> => {
      // The trip is read after its log: it may be ahead of it by a state, and then there is a hint, but it never is behind.
      const states = await statesAfter(tx.orm, tripId, after);
      const trip = await tripForParty(tx, tripId);
      return trip ? { trip, states } : null;
    });
  const first = await read(0);
  if (!first) throw notFound('trip', 'tripId');

  let trip = first.trip;
  let delivered = afterSequence ?? 0;
  let needsSnapshot = afterSequence === null || afterSequence > trip.sequence;
  let position: Seen | null = null;

  const update = (kind: UpdateKind, sequence: number, status: string, seen: Seen | null, at: Date): TripUpdateSource => {
    const isMoving = seen !== null && hasDriverOnIt(status);
    return { kind, sequence, status, trip, seen, etaSeconds: isMoving ? dispatch.routing.leg(seen.place, nextStop(trip), at).durationS : null, at };
  };

  const look = async (): Promise<TripUpdateSource[] | 'END'> => {
    const found = await read(needsSnapshot ? 0 : delivered);
    if (!found) return 'END';
    trip = found.trip;
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

  const feed = await ctx.feed.listen(tripTopic(tripId));
  return changeStream(feed, {
    look,
    hear: (message) => {
      const heard = decodePosition(message);
      if (heard === null) return true;
      if (position === null || heard.at > position.at) position = heard;
      return false;
    },
    newest: () => {
      const seen = position;
      position = null;
      return seen && hasDriverOnIt(trip.status) ? update('POSITION', delivered, trip.status, seen, seen.at) : null;
    },
    isLast: (value) => isTerminal(value.status),
  });
}
