import type { ExecutionResult, GraphQLFormattedError } from 'graphql';

/** One message of an upstream, with what ordering and conflation need to know about it. */
export interface UpstreamEvent {
  result: ExecutionResult;
  /** Number of the state that the event carries, or of the last state before it; null where states are not numbered. */
  sequence: number | null;
  /** Null where the event's type has no `kind`. */
  kind: string | null;
}

/**
 * Events of which only the newest matters, by subscription root field and `kind`; null is for events without a kind. Every other event is a state, and
 * is delivered in order, each once. Add a line when a field gets a kind that may be skipped.
 */
const NEWEST_ONLY: Record<string, ReadonlySet<string | null>> = {
  tripUpdates: new Set(['POSITION']),
  sharedTripUpdates: new Set(['POSITION']),
  // Each is the whole map.
  nearbyDriversUpdated: new Set([null]),
};

/** Whether a newer event of the same kind may take the place of this one while it waits. */
export function isReplaceable(rootField: string, kind: string | null): boolean {
  return NEWEST_ONLY[rootField]?.has(kind) === true;
}

/** Whether the gateway has to know the kind of this field's events at all. */
export function hasReplaceableKinds(rootField: string): boolean {
  return rootField in NEWEST_ONLY;
}

/** Undelivered events of one client operation; a client that is further behind has to start again. */
export const MAX_UNDELIVERED = 1_000;

/** Ends one operation with these errors, as a graphql-ws `error` message. */
export class OperationEnded extends Error {
  override name = 'OperationEnded';
  readonly errors: readonly GraphQLFormattedError[];

  constructor(errors: readonly GraphQLFormattedError[]) {
    super(errors[0]?.message ?? 'The subscription ended.');
    this.errors = errors;
  }
}

const SLOW_CONSUMER: GraphQLFormattedError = {
  message: 'This subscription was ended because its events were not read fast enough. Subscribe again, with afterSequence where there is one.',
  extensions: { code: 'SLOW_CONSUMER', retryAfter: 1 },
};

export interface DeliveryQueue {
  /** False when the client is too slow and its operation has been ended with SLOW_CONSUMER. */
  push(event: UpstreamEvent): boolean;
  /** Nothing more comes. What is queued is still delivered, then the error if there is one. */
  end(errors: readonly GraphQLFormattedError[] | null): void;
  /** Takes the event that is to be delivered next; null when there is none, for now or for ever. */
  take(): UpstreamEvent | null;
  /** Whether all has been taken and nothing more comes, and with which errors. */
  ending(): { errors: readonly GraphQLFormattedError[] | null } | null;
}

/** Holds what one client operation has not taken yet. Bounded, so that a slow client never costs the gateway its memory (GW-12). */
export function createDeliveryQueue(rootField: string, limit = MAX_UNDELIVERED): DeliveryQueue {
  let queued: UpstreamEvent[] = [];
  let ending: { errors: readonly GraphQLFormattedError[] | null } | null = null;

  return {
    push(event) {
      if (ending) return true;
      if (queued.length > 0 && isReplaceable(rootField, event.kind)) {
        // The newer one goes to the end, not to the older one's place: it may belong to a state that was queued in between.
        queued = queued.filter((waiting) => waiting.kind !== event.kind);
      }
      if (queued.length >= limit) {
        queued = [];
        ending = { errors: [SLOW_CONSUMER] };
        return false;
      }
      queued.push(event);
      return true;
    },
    end(errors) {
      ending ??= { errors };
    },
    take: () => queued.shift() ?? null,
    ending: () => (queued.length === 0 ? ending : null),
  };
}
