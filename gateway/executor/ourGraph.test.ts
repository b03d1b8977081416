import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { operationFromDocument } from '@apollo/federation-internals';
import { parse, print } from 'graphql';
import { expect, test } from 'vitest';
import { packageRoot } from '../../platform/packageRoot.js';
import { readSavedOperations } from '../playground/playground.js';
import { buildGraph } from './graph.js';

test('our own supergraph can be planned: every saved operation, and node by its key of its own', async () => {
  const graph = buildGraph(await readFile(path.join(packageRoot, 'schema/supergraph.graphql'), 'utf8'));
  const operations = [...readSavedOperations().map(({ query }) => query), '{ node(id: "x") { id ... on Booking { status } ... on Vehicle { make } } }'];
  for (const query of operations) {
    const plan = graph.planner.buildQueryPlan(operationFromDocument(graph.api, parse(query)));
    expect({ query: print(parse(query)), node: plan.node !== undefined }).toEqual({ query: print(parse(query)), node: true });
  }
});
