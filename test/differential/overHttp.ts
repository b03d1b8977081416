import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ExecutionResult } from 'graphql';
import { bareConfigSchema, startBareGateway } from '../../gateway/bareGateway.js';
import { createLog } from '../../platform/log.js';
import { type Compared, type Composed, compareWith, composeRandom, type State } from './compare.js';
import { randomGraph } from './randomGraph.js';

/** The same comparison with a whole gateway in between: subgraphs, gateway and client speak HTTP. @returns null when the graph does not compose */
export async function compareOverHttp(graphSeed: number, operations: number): Promise<Compared | null> {
  if (!composeRandom(graphSeed)) return null;
  let state: State = { errors: 0, log: [], down: null };
  let composed: Composed | null = null;
  const servers = await Promise.all(
    randomGraph(graphSeed).subgraphs.map(async ({ name }) => {
      const server = createServer(async (request, response) => {
        const chunks: Buffer[] = [];
        for await (const chunk of request) chunks.push(chunk as Buffer);
        const { query, variables } = JSON.parse(Buffer.concat(chunks).toString()) as { query: string; variables?: Record<string, unknown> };
        try {
          const answer = await (composed as Composed).askSubgraph(name, query, variables, state);
          response.setHeader('content-type', 'application/json').end(JSON.stringify(answer));
        } catch {
          response.writeHead(500).end('<html>It does not work.</html>');
        }
      });
      await once(server.listen(0, '127.0.0.1'), 'listening');
      return { name, server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/graphql` };
    }),
  );
  const whole = composeRandom(graphSeed, (name) => servers.find((each) => each.name === name)?.url ?? '') as Composed;
  composed = whole;
  const gateway = await startBareGateway({
    supergraphSdl: whole.supergraphSdl,
    port: 0,
    config: bareConfigSchema.parse({ shareFetches: true, breaks: false }),
    log: createLog({ service: 'test', level: 'silent' }),
  });
  try {
    return await compareWith(whole, operations, async ({ query, variables }, next) => {
      state = next;
      const response = await fetch(`http://127.0.0.1:${gateway.port}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ query, variables }),
      });
      return (await response.json()) as ExecutionResult;
    });
  } finally {
    await gateway.stop();
    for (const { server } of servers) server.close();
  }
}
