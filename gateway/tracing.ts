import type { Span, SpanContext } from '@opentelemetry/api';
import type { ExecutionResult } from 'graphql';
import type { GatewayContext } from './context.js';
import type { OperationRequest } from './executor/execute.js';

type Traced = Pick<OperationRequest, 'document' | 'operationName' | 'variables' | 'fetch' | 'onPlan'>;

/** Tells a collector where the time of operations goes: a span for each operation, for its plan and for each fetch (EN-06). */
export interface Tracing {
  /** Runs an operation within a span of the caller's trace. What it fetches carries the span of the fetch on, so that subgraphs' spans hang below it. */
  operation(
    request: Traced,
    context: GatewayContext,
    run: (request: Traced) => Promise<ExecutionResult>,
    fetchAs: (spanId: string) => OperationRequest['fetch'],
  ): Promise<ExecutionResult>;
  /** Sends what has not been sent yet. */
  stop(): Promise<void>;
}

const TRACEPARENT = /^[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/;

/**
 * Starts sending spans by OTLP over HTTP; null without an endpoint, such as `http://collector:4318`, and then nothing of it is even loaded.
 * A trace that the client began and chose not to sample is not sampled here either.
 */
export async function startTracing(endpoint: string | undefined, serviceName: string): Promise<Tracing | null> {
  if (endpoint === undefined || endpoint === '') return null;
  const [api, { OTLPTraceExporter }, { resourceFromAttributes }, sdk] = await Promise.all([
    import('@opentelemetry/api'),
    import('@opentelemetry/exporter-trace-otlp-http'),
    import('@opentelemetry/resources'),
    import('@opentelemetry/sdk-trace-base'),
  ]);
  const ids = new sdk.RandomIdGenerator();
  let nextTraceId: string | null = null;
  const provider = new sdk.BasicTracerProvider({
    resource: resourceFromAttributes({ 'service.name': serviceName }),
    sampler: new sdk.ParentBasedSampler({ root: new sdk.AlwaysOnSampler() }),
    // The trace id that goes into logs and events is the gateway's own; a trace that begins here begins with it.
    idGenerator: { generateSpanId: () => ids.generateSpanId(), generateTraceId: () => nextTraceId ?? ids.generateTraceId() },
    spanProcessors: [new sdk.BatchSpanProcessor(new OTLPTraceExporter({ url: `${endpoint.replace(/\/$/, '')}/v1/traces`, timeoutMillis: 5_000 }))],
  });
  const tracer = provider.getTracer('gateway');
  const below = (span: Span) => api.trace.setSpan(api.ROOT_CONTEXT, span);

  const begin = (request: Traced, { caller, traceparent }: GatewayContext): Span => {
    const operation = operationIn(request);
    const attributes = { 'graphql.operation.type': operation.type, ...(operation.name && { 'graphql.operation.name': operation.name }) };
    const parent = parentOf(traceparent);
    nextTraceId = caller.traceId;
    const span = tracer.startSpan(
      ['graphql', operation.type, operation.name].filter(Boolean).join(' '),
      { kind: api.SpanKind.SERVER, attributes },
      parent ? api.trace.setSpanContext(api.ROOT_CONTEXT, parent) : api.ROOT_CONTEXT,
    );
    nextTraceId = null;
    return span;
  };

  return {
    async operation(request, context, run, fetchAs) {
      const span = begin(request, context);
      const traced: Traced = {
        ...request,
        onPlan: ({ startedMs, durationMs }) => tracer.startSpan('plan', { startTime: startedMs }, below(span)).end(startedMs + durationMs),
        async fetch(service, asked, isMutation) {
          const attributes = { 'graphql.subgraph': service };
          const fetchSpan = tracer.startSpan(`fetch ${service}`, { kind: api.SpanKind.CLIENT, attributes }, below(span));
          try {
            const result = await fetchAs(fetchSpan.spanContext().spanId)(service, asked, isMutation);
            if (result.errors) fetchSpan.setStatus({ code: api.SpanStatusCode.ERROR });
            return result;
          } catch (error) {
            fetchSpan.setStatus({ code: api.SpanStatusCode.ERROR });
            throw error;
          } finally {
            fetchSpan.end();
          }
        },
      };
      try {
        const result = await run(traced);
        if (result.errors) span.setStatus({ code: api.SpanStatusCode.ERROR });
        return result;
      } finally {
        span.end();
      }
    },
    // A collector that is not there is no reason to fail at stopping: its spans are lost, nothing else.
    stop: () => provider.shutdown().catch(() => {}),
  };
}

/** The caller's span, from a W3C `traceparent` header. */
function parentOf(traceparent: string | undefined): SpanContext | null {
  const [, traceId, spanId, flags] = TRACEPARENT.exec(traceparent ?? '') ?? [];
  if (traceId === undefined || spanId === undefined || /^0+$/.test(traceId) || /^0+$/.test(spanId)) return null;
  return { traceId, spanId, traceFlags: Number.parseInt(flags ?? '01', 16) & 1, isRemote: true };
}

/** Kind and name of the operation; names are the client's, and told as they are. */
function operationIn({ document, operationName }: Traced): { type: string; name: string | undefined } {
  for (const definition of document.definitions) {
    if (definition.kind !== 'OperationDefinition' || (operationName && definition.name?.value !== operationName)) continue;
    return { type: definition.operation, name: definition.name?.value };
  }
  return { type: 'query', name: undefined };
}
