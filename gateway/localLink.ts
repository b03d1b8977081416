import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import type { ExecutionResult } from 'graphql';
import type { Subgraph } from '../platform/subgraph.js';
import { type EventSink, isRequestError, routeMatches, type SubgraphLink, unavailable } from './links.js';

/** A link to a subgraph that runs in this process: calls instead of sockets, the same results. */
export function localLink(subgraph: Subgraph): SubgraphLink {
  const routeFor = (method: string | undefined, path: string) => subgraph.routes.find((route) => route.method === method && routeMatches(route.path, path));

  return {
    name: subgraph.name,
    routes: subgraph.routes,
    execute: (request, caller) => subgraph.execute(request, caller),
    subscribe(request, caller, sink) {
      let ended = false;
      let stream: AsyncGenerator<ExecutionResult> | undefined;
      void (async () => {
        try {
          const answer = await subgraph.subscribe(request, caller);
          if (!(Symbol.asyncIterator in answer)) {
            if (!ended) sink.refused((answer.errors ?? []).map((error) => error.toJSON()));
            return;
          }
          stream = answer;
          // The watcher may have left while the subgraph was still deciding.
          if (ended) return void (await stream.return(undefined));
          await pump(stream, sink, () => ended);
        } catch {
          // A stream that throws lost what it listened to, as a socket would; the upstream tries again.
          if (!ended) sink.broken(true);
        }
      })();
      return () => {
        ended = true;
        stream?.return(undefined).catch(() => {});
      };
    },
    async forward(request, response) {
      const route = routeFor(request.method, pathOf(request.url));
      if (!route) throw unavailable();
      await route.handle(request, response);
    },
    async read(path) {
      const route = routeFor('GET', path);
      if (!route) throw unavailable();
      return readRoute(path, (request, response) => route.handle(request, response));
    },
    ready: () => subgraph.ready(),
    close: () => subgraph.stop(),
  };
}

async function pump(stream: AsyncGenerator<ExecutionResult>, sink: EventSink, ended: () => boolean): Promise<void> {
  for (;;) {
    const step = await stream.next();
    if (ended()) return;
    if (step.done) return sink.complete();
    if (isRequestError(step.value)) {
      sink.refused(step.value.errors.map((error) => error.toJSON?.() ?? error));
      await stream.return(undefined);
      return;
    }
    sink.next(step.value);
  }
}

/** The path of a request target, without its query. */
export function pathOf(url: string | undefined): string {
  return (url ?? '/').split('?', 1)[0] as string;
}

/** Calls a route's handler with a request and a response that no socket stands behind, and collects the body. */
async function readRoute(path: string, handle: (request: IncomingMessage & { rawBody: Buffer }, response: ServerResponse) => Promise<void>): Promise<string> {
  const request = Object.assign(new IncomingMessage(new Socket()), { method: 'GET', url: path, rawBody: Buffer.alloc(0) });
  const response = new ServerResponse(request);
  const chunks: Buffer[] = [];
  const collect = (chunk: unknown) => {
    if (typeof chunk === 'string' || chunk instanceof Uint8Array) chunks.push(Buffer.from(chunk as string));
    return true;
  };
  const body = new Promise<string>((resolve) => {
    response.write = ((chunk: unknown) => collect(chunk)) as typeof response.write;
    response.end = ((chunk?: unknown) => {
      collect(chunk);
      resolve(Buffer.concat(chunks).toString());
      return response;
    }) as typeof response.end;
  });
  await handle(request, response);
  if (response.statusCode !== 200) throw unavailable();
  return body;
}
