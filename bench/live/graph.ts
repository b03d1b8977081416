import { createFeed, testSubgraph } from '../../gateway/testSubgraphs.js';
import { describeActor } from '../../platform/actor.js';
import type { Caller } from '../../platform/subgraph.js';

// A dispatch and a fleet that do nothing but send: so that the gateway is what is measured. Trips by number; each position says when it was sent, by the
// machine's own clock, in milliseconds.

const ALIKE = '@tag(name: "same-for-all")';

interface Update {
  tripId: string;
  sequence: number;
  kind: string;
  sentAt: number;
}

const feeds = new Map<string, ReturnType<typeof createFeed<Update>>>();
const feedOf = (tripId: string) => {
  const feed = feeds.get(tripId) ?? createFeed<Update>();
  feeds.set(tripId, feed);
  return feed;
};
/** Milliseconds by a clock that all processes of this machine share. */
export const clockMs = () => Number(process.hrtime.bigint()) / 1e6;

/** Tells those who watch a trip where its car is. */
export function moveCar(tripId: string): void {
  feedOf(tripId).publish({ tripId, sequence: 1, kind: 'POSITION', sentAt: clockMs() });
}

export const LIVE_SUBGRAPHS = [
  testSubgraph(
    'dispatch',
    `type Query { ready: Boolean }
     type Subscription { tripUpdates(tripId: ID!, afterSequence: Int): TripUpdate! ${ALIKE} }
     type TripUpdate { sequence: Int! ${ALIKE} kind: String! ${ALIKE} sentAt: Float! ${ALIKE} lat: Float! ${ALIKE} lng: Float! ${ALIKE} trip: Trip! ${ALIKE} }
     type Trip @key(fields: "id") { id: ID! ${ALIKE} status: String! ${ALIKE} }`,
    {
      Subscription: {
        tripUpdates: {
          subscribe: (_: unknown, { tripId }: { tripId: string }) => feedOf(tripId).watch([{ tripId, sequence: 1, kind: 'SNAPSHOT', sentAt: 0 }]),
          resolve: (update: Update) => ({ ...update, lat: 30.0444, lng: 31.2357, trip: { id: update.tripId, status: 'STARTED' } }),
        },
      },
      Trip: { __resolveReference: async (trip: object) => trip },
    } as never,
  ),
  testSubgraph(
    'fleet',
    `type Trip @key(fields: "id") { id: ID! car: Car ${ALIKE} noteForYou: String! }
     type Car { make: String! ${ALIKE} plate: String! ${ALIKE} }`,
    {
      Trip: {
        __resolveReference: async (trip: object) => trip,
        car: () => ({ make: 'Toyota', plate: 'ABC 123' }),
        noteForYou: (_: unknown, _args: unknown, { actor }: Caller) => describeActor(actor),
      },
    } as never,
  ),
];
