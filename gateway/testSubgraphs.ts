import { composeServices } from '@apollo/composition';
import { buildSubgraphSchema } from '@apollo/subgraph';
import { execute, type ExecutionResult, GraphQLError, parse, subscribe, validate } from 'graphql';
import { describeActor } from '../platform/actor.js';
import type { Caller, Route, Subgraph } from '../platform/subgraph.js';

/** A graph of three tiny subgraphs for tests: trips (with live updates), cars, people. */

type Resolvers = Parameters<typeof buildSubgraphSchema>[0] extends infer M ? (M extends { resolvers?: infer R } ? R : never) : never;

export interface Calls {
  execute: { query: string; caller: Caller }[];
  subscribe: { variables: Record<string, unknown>; caller: Caller }[];
}

export interface TestSubgraph extends Subgraph {
  calls: Calls;
}

const LINK =
  'extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@key", "@external", "@requires", "@provides", "@shareable", "@interfaceObject", "@inaccessible", "@override", "@tag", "@cost", "@listSize"])';
/** What everybody who is let in sees alike. */
const ALIKE = '@tag(name: "same-for-all")';

/** @param link how the directives of federation come in; the empty text makes it a subgraph of Federation 1 */
export function testSubgraph(name: string, typeDefs: string, resolvers: Resolvers, routes: readonly Route[] = [], link = LINK): TestSubgraph {
  const sdl = `${link}\n${typeDefs}`;
  const schema = buildSubgraphSchema({ typeDefs: parse(sdl), resolvers });
  const calls: Calls = { execute: [], subscribe: [] };
  return {
    name,
    sdl,
    routes,
    calls,
    async execute({ query, variables, operationName }, caller) {
      calls.execute.push({ query, caller });
      const document = parse(query);
      const errors = validate(schema, document);
      if (errors.length > 0) return { errors };
      return execute({ schema, document, variableValues: variables, operationName, contextValue: caller });
    },
    async subscribe({ query, variables, operationName }, caller) {
      calls.subscribe.push({ variables: variables ?? {}, caller });
      const document = parse(query);
      const errors = validate(schema, document);
      if (errors.length > 0) return { errors };
      return (await subscribe({ schema, document, variableValues: variables, operationName, contextValue: caller })) as
        | AsyncGenerator<ExecutionResult>
        | ExecutionResult;
    },
    ready: async () => ({ ok: true, checks: { self: 'ok' } }),
    seedDemo: async () => {},
    settled: async () => true,
    replay: async () => false,
    stop: async () => {},
  };
}

/** A live stream by hand: `listeners` tells how many watch, also while no event arrives. */
export function createFeed<T>() {
  const listeners = new Set<{ push(event: T): void; end(): void; fail(error: Error): void }>();
  return {
    listeners,
    publish: (event: T) => {
      for (const listener of [...listeners]) listener.push(event);
    },
    complete: () => {
      for (const listener of [...listeners]) listener.end();
    },
    fail: (error: Error) => {
      for (const listener of [...listeners]) listener.fail(error);
    },
    watch(first: readonly T[] = []): AsyncGenerator<T> {
      const queued = [...first];
      let done = false;
      let failure: Error | null = null;
      let wake = () => {};
      const listener = {
        push: (event: T) => {
          queued.push(event);
          wake();
        },
        end: () => {
          done = true;
          wake();
        },
        fail: (error: Error) => {
          failure = error;
          listener.end();
        },
      };
      listeners.add(listener);
      const iterator = {
        async next(): Promise<IteratorResult<T>> {
          while (queued.length === 0 && !done) await new Promise<void>((resolve) => (wake = resolve));
          if (queued.length > 0) return { value: queued.shift() as T, done: false };
          listeners.delete(listener);
          if (failure) throw failure;
          return { value: undefined, done: true };
        },
        async return() {
          listeners.delete(listener);
          listener.end();
          return { value: undefined, done: true as const };
        },
        async throw(error: unknown) {
          throw error;
        },
        [Symbol.asyncIterator]: () => iterator,
      };
      return iterator as unknown as AsyncGenerator<T>;
    },
  };
}

export interface TripEvent {
  sequence: number;
  kind: 'SNAPSHOT' | 'STATE' | 'POSITION';
  status: string;
  position?: number;
}

/** States and positions of trip `t1`, as dispatch gives them: a snapshot first, or the missed states, then live. */
export function createTrip() {
  const feed = createFeed<TripEvent>();
  const states: TripEvent[] = [{ sequence: 1, kind: 'STATE', status: 'REQUESTED' }];
  const last = () => states.at(-1) as TripEvent;
  let isFinished = false;
  return {
    feed,
    /** People whom the trip is no business of, from now on. */
    barred: new Set<string>(),
    moveTo(status: string) {
      states.push({ sequence: last().sequence + 1, kind: 'STATE', status });
      feed.publish(last());
    },
    /** The last state: live streams end behind it, and so do those that begin later. */
    finish(status: string) {
      this.moveTo(status);
      isFinished = true;
      feed.complete();
    },
    /** While true nobody can subscribe, as while dispatch starts. */
    down: false,
    breakOff: () => feed.fail(new Error('gone')),
    drive(position: number) {
      feed.publish({ sequence: last().sequence, kind: 'POSITION', status: last().status, position });
    },
    watch(afterSequence: number | null) {
      if (this.down) throw new GraphQLError('Starting.', { extensions: { code: 'DEPENDENCY_UNAVAILABLE' } });
      const stream = feed.watch(afterSequence === null ? [{ ...last(), kind: 'SNAPSHOT' }] : states.filter(({ sequence }) => sequence > afterSequence));
      if (isFinished) feed.complete();
      return stream;
    },
  };
}

export type Trip = ReturnType<typeof createTrip>;

export function testGraph() {
  const trip = createTrip();
  const sightings = createFeed<object>();
  const trips = testSubgraph(
    'trips',
    `type Query { trip(id: ID!): Trip whoami: String! boom: String refuse: String deep: Deep slow(ms: Int!): String dated(on: Day): String }
     type Mutation { rename(id: ID!, status: String!): Trip! signIn(password: String!): Boolean! }
     type Subscription {
       tripUpdates(tripId: ID!, afterSequence: Int): TripUpdate! ${ALIKE}
       sighted: Sighting!
       forbidden: Int!
     }
     scalar Day
     type Deep { deep: Deep leaf: Int }
     enum Kind { SNAPSHOT STATE POSITION }
     type TripUpdate { sequence: Int! ${ALIKE} kind: Kind! ${ALIKE} status: String! ${ALIKE} position: Int ${ALIKE} trip: Trip! ${ALIKE} fragile: Int! asker: String! }
     type Trip @key(fields: "id") { id: ID! ${ALIKE} status: String ${ALIKE} }
     union Sighting = Trip | Car
     type Car @key(fields: "id", resolvable: false) { id: ID! }`,
    {
      Query: {
        trip: (_: unknown, { id }: { id: string }) => (id === 'none' ? null : { id, status: 'REQUESTED' }),
        whoami: (_: unknown, _args: unknown, caller: Caller) => JSON.stringify(caller),
        boom: () => {
          throw new Error('connect ECONNREFUSED postgres://admin:hunter2@10.0.0.1/trips');
        },
        refuse: () => {
          throw new GraphQLError('The quote is too old. Ask for a new one.', {
            extensions: { code: 'QUOTE_EXPIRED', details: { quoteId: 'q1' }, retryAfter: 3, secret: 'x' },
          });
        },
        deep: () => ({ deep: {}, leaf: 1 }),
        slow: (_: unknown, { ms }: { ms: number }) => new Promise((resolve) => setTimeout(() => resolve('done'), ms)),
        dated: () => 'ok',
      },
      Mutation: {
        signIn: () => true,
        rename: (_: unknown, { id, status }: { id: string; status: string }) => ({ id, status }),
      },
      Subscription: {
        tripUpdates: {
          subscribe: (_: unknown, { tripId, afterSequence }: { tripId: string; afterSequence?: number | null }, { actor }: Caller) => {
            const isBarred = actor.kind === 'USER' && trip.barred.has(actor.id);
            if (tripId !== 't1' || isBarred)
              throw new GraphQLError('There is no such trip.', { extensions: { code: 'NOT_FOUND', details: { field: 'tripId' } } });
            return trip.watch(afterSequence ?? null);
          },
          resolve: (event: TripEvent, _args: unknown, { actor }: Caller) => ({
            ...event,
            trip: { id: 't1', status: event.status },
            fragile: event.status === 'BROKEN' ? null : 1,
            asker: describeActor(actor),
          }),
        },
        sighted: { subscribe: () => sightings.watch(), resolve: (event: object) => event },
        forbidden: {
          subscribe: () => {
            throw new GraphQLError('This is for drivers only.', { extensions: { code: 'FORBIDDEN' } });
          },
        },
      },
      Sighting: { __resolveType: (value: { __typename: string }) => value.__typename },
      Trip: { __resolveReference: async ({ id }: { id: string }) => ({ id, status: 'REQUESTED' }) },
    } as unknown as Resolvers,
  );
  const cars = testSubgraph(
    'cars',
    `type Trip @key(fields: "id") { id: ID! car: Car ${ALIKE} seenBy: String! }
     type Car @key(fields: "id") { id: ID! ${ALIKE} plate(upper: Boolean): String! ${ALIKE} seats: Int! }`,
    {
      Trip: {
        __resolveReference: async ({ id }: { id: string }) => ({ id }),
        seenBy: (_: unknown, _args: unknown, { actor }: Caller) => describeActor(actor),
        car: ({ id }: { id: string }) => ({ id: `car-${id}` }),
      },
      Car: {
        __resolveReference: async ({ id }: { id: string }) => ({ id }),
        plate: ({ id }: { id: string }, { upper }: { upper?: boolean }) => (upper ? `PLATE-${id}`.toUpperCase() : `plate-${id}`),
        seats: () => 4,
      },
    } as unknown as Resolvers,
  );
  const people = testSubgraph(
    'people',
    `type Car @key(fields: "id") { id: ID! seats: Int! @external owner: Person label: String! @requires(fields: "seats") }
     type Person @key(fields: "id") { id: ID! name: String! }`,
    {
      Car: {
        __resolveReference: async (car: object) => car,
        owner: ({ id }: { id: string }) => ({ id: `owner-${id}`, name: `Owner of ${id}` }),
        label: ({ seats }: { seats: number }) => `${seats} seats`,
      },
    } as unknown as Resolvers,
  );
  const subgraphs = [trips, cars, people];
  return { trip, sightings, trips, cars, people, subgraphs, supergraphSdl: compose(subgraphs) };
}

export type TestGraph = ReturnType<typeof testGraph>;

export function compose(subgraphs: readonly { name: string; sdl: string }[], urlOf = (name: string) => `http://${name}.test/graphql`): string {
  const composed = composeServices(subgraphs.map(({ name, sdl }) => ({ name, url: urlOf(name), typeDefs: parse(sdl) })));
  if (composed.errors) throw new Error(composed.errors.map(({ message }) => message).join('\n'));
  return composed.supergraphSdl as string;
}
