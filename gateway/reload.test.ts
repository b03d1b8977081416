import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { ApolloServerPlugin } from '@apollo/server';
import { type ExecutionResult, parse } from 'graphql';
import { expect, test } from 'vitest';
import { ANONYMOUS } from '../platform/actor.js';
import { createLog } from '../platform/log.js';
import type { GatewayContext } from './context.js';
import { startEngine } from './engine.js';
import { localLink } from './localLink.js';
import { watchSupergraph } from './supergraphFile.js';
import { eventually } from './testGateway.js';
import { compose, testGraph } from './testSubgraphs.js';

const caller = { actor: ANONYMOUS, traceId: '0'.repeat(32), idempotencyKey: null, clientIp: null };

async function start(plugins: ApolloServerPlugin<GatewayContext>[] = []) {
  const graph = testGraph();
  const engine = await startEngine({
    supergraphSdl: graph.supergraphSdl,
    links: graph.subgraphs.map(localLink),
    log: createLog({ service: 'test', level: 'silent' }),
    production: false,
    introspection: true,
    validationRules: [],
    maxTokens: null,
    maxCost: null,
    plugins,
    csrfPrevention: false,
    principalOf: () => 'anyone',
  });
  const ask = async (query: string) => {
    const { body } = await engine.apollo.executeOperation({ query }, { contextValue: { caller, deadline: null } });
    return body.kind === 'single' ? JSON.parse(JSON.stringify(body.singleResult)) : null;
  };
  /** Takes one answer at a time. */
  const subscribe = (query: string) => {
    const answers: ExecutionResult[] = [];
    let failure: unknown = null;
    const leave = engine.subscriptions.subscribe(
      { document: parse(query), operationName: null, variables: {}, caller },
      {
        next(answer, taken) {
          answers.push(answer);
          taken();
        },
        error: (error) => void (failure = error),
        complete: () => {},
      },
    );
    return { answers, failure: () => failure, leave };
  };
  return { ...graph, engine, ask, subscribe };
}

test('a changed supergraph is served at once; subscriptions that stay valid go on, others end with a code to come back', async () => {
  const { engine, ask, subscribe, subgraphs, trip } = await start();
  const stays = subscribe('subscription { tripUpdates(tripId: "t1") { status } }');
  const goes = subscribe('subscription { tripUpdates(tripId: "t1") { position } }');
  await eventually(() => stays.answers.at(-1)).toMatchObject({ data: { tripUpdates: { status: 'REQUESTED' } } });
  await eventually(() => goes.answers.at(-1)).toMatchObject({ data: { tripUpdates: { position: null } } });
  expect((await ask('{ hello }')).errors).toHaveLength(1);

  const changed = subgraphs.map(({ name, sdl }) => ({
    name,
    sdl: sdl.replace(' position: Int', '').replace('whoami: String!', 'whoami: String! hello: String'),
  }));
  engine.update(compose(changed));
  expect((await ask('{ __type(name: "TripUpdate") { fields { name } } }')).data.__type.fields).not.toContainEqual({ name: 'position' });
  expect(goes.failure()).toMatchObject({ errors: [{ extensions: { code: 'SCHEMA_CHANGED', retryAfter: 1 } }] });
  trip.moveTo('ACCEPTED');
  await eventually(() => stays.answers.at(-1)).toMatchObject({ data: { tripUpdates: { status: 'ACCEPTED' } } });
  stays.leave();
  await eventually(() => engine.subscriptions.upstreamCount()).toBe(0);
  await engine.stop();
});

test('what was valid before the supergraph changed is executed by the one that it was valid in', async () => {
  let change = () => {};
  const { engine, ask, subgraphs, supergraphSdl } = await start([
    {
      requestDidStart: async () => ({
        // Between the check of the document and its execution: there rates are counted, in Redis.
        didResolveOperation: async () => change(),
      }),
    },
  ]);
  const without = compose(subgraphs.map(({ name, sdl }) => ({ name, sdl: sdl.replace('plate(upper: Boolean): String! @tag(name: "same-for-all")', '') })));
  const query = '{ trip(id: "t1") { car { id plate } } }';
  change = () => {
    change = () => {};
    engine.update(without);
  };
  expect(await ask(query)).toEqual({ data: { trip: { car: { id: 'car-t1', plate: 'plate-car-t1' } } } });
  expect((await ask(query)).errors[0].extensions.code).toBe('GRAPHQL_VALIDATION_FAILED');
  change = () => {
    change = () => {};
    engine.update(supergraphSdl);
  };
  expect(await ask('{ trip(id: "t1") { car { id } } }')).toEqual({ data: { trip: { car: { id: 'car-t1' } } } });
  expect((await ask(query)).errors).toBeUndefined();
  await engine.stop();
});

test('a broken supergraph is refused, and the old one goes on serving', async () => {
  const { engine, ask, supergraphSdl } = await start();
  expect(() => engine.update('type Query { a: ')).toThrow();
  expect(() => engine.update('type Query { a: Int }')).toThrow();
  expect(() => engine.update(supergraphSdl.replaceAll('"cars"', '"lorries"'))).toThrow('no link');
  expect(await ask('{ trip(id: "t1") { car { plate } } }')).toEqual({ data: { trip: { car: { plate: 'plate-car-t1' } } } });
  await engine.stop();
});

test('the file of the supergraph is watched; a broken one is logged and changes nothing', async () => {
  const dir = await mkdtemp(path.join(tmpdir(), 'waygraph-supergraph-'));
  const file = path.join(dir, 'supergraph.graphql');
  await writeFile(file, 'first');
  const applied: string[] = [];
  const lines: string[] = [];
  const log = createLog({ service: 'test', level: 'error', destination: { write: (line) => void lines.push(line) } });
  const apply = (text: string) => {
    if (text.includes('broken')) throw new Error('no supergraph');
    applied.push(text);
  };
  const stop = watchSupergraph(file, apply, log, 20);
  // The watcher's first look has to be over, or the change would be what it starts from.
  await new Promise((resolve) => setTimeout(resolve, 100));
  await writeFile(file, 'a broken one');
  await eventually(() => lines.length).toBe(1);
  await writeFile(file, 'the second');
  await eventually(() => applied).toEqual(['the second']);
  stop();
  await rm(dir, { recursive: true });
});
