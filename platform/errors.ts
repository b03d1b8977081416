import { GraphQLError } from 'graphql';
import type { z } from 'zod';

/**
 * The codes that any part of the graph may answer with (GW-40). A domain adds its own, such as VEHICLE_UNAVAILABLE, in its `refusals` list.
 * The SDK exports the union of all.
 */
export const PLATFORM_CODES = [
  'INVALID_REQUEST',
  'VALIDATION_ERROR',
  'UNAUTHENTICATED',
  'FORBIDDEN',
  'NOT_FOUND',
  'CONFLICT',
  'RATE_LIMITED',
  'IDEMPOTENCY_KEY_REUSED',
  'IDEMPOTENCY_KEY_REQUIRED',
  'INTERNAL_ERROR',
  'DEPENDENCY_UNAVAILABLE',
  'TIMEOUT',
  'QUERY_TOO_COMPLEX',
  'PERSISTED_OPERATION_REQUIRED',
] as const;

/** What went wrong in one field of the input: where, which rule, and what the rule asks for. */
export interface FieldIssue {
  field: string;
  rule: string;
  message: string;
}

export interface RefusalOptions {
  /** Facts for the client's code, such as `nextFreeFrom`. Never personal data. */
  details?: Record<string, unknown>;
  /** Seconds after which trying again makes sense. */
  retryAfter?: number;
}

/**
 * The only error class of the domain: a rule said no, and the client is told why in plain words with a next step.
 * Anything else that is thrown is a bug: logged with its cause, masked for the client as INTERNAL_ERROR.
 */
export class Refusal extends Error {
  readonly code: string;
  readonly details: Record<string, unknown> | undefined;
  readonly retryAfter: number | undefined;

  constructor(code: string, message: string, options: RefusalOptions = {}) {
    super(message);
    this.name = 'Refusal';
    this.code = code;
    this.details = options.details;
    this.retryAfter = options.retryAfter;
  }
}

/** The answer for what does not exist and for what is somebody else's: a client cannot tell the two apart. */
export function notFound(what: string, field = 'id'): Refusal {
  return new Refusal('NOT_FOUND', `There is no such ${what}, or it is not yours. Check the id.`, { details: { field } });
}

/** Turns zod's issues into one VALIDATION_ERROR that names every field and the rule that it broke. */
export function validationError(error: z.ZodError, prefix = 'input'): Refusal {
  const issues: FieldIssue[] = error.issues.slice(0, 20).map((issue) => ({
    field: [prefix, ...issue.path.map(String)].filter(Boolean).join('.'),
    rule: issue.code,
    message: issue.message,
  }));
  const first = issues[0];
  return new Refusal('VALIDATION_ERROR', first ? `${first.field}: ${first.message}` : 'The input is not valid.', {
    details: { field: first?.field, rule: first?.rule, issues },
  });
}

/** Parses input with a zod schema. @throws Refusal VALIDATION_ERROR with the field and the rule */
export function parseInput<S extends z.ZodType>(schema: S, input: unknown, prefix = 'input'): z.output<S> {
  const parsed = schema.safeParse(input);
  if (!parsed.success) throw validationError(parsed.error, prefix);
  return parsed.data;
}

/** The one place where a refusal becomes a GraphQL error. Trace id and time are added at the edge, which alone knows them. */
export function refusalToGraphQLError(refusal: Refusal): GraphQLError {
  return new GraphQLError(refusal.message, {
    extensions: {
      code: refusal.code,
      ...(refusal.details && { details: refusal.details }),
      ...(refusal.retryAfter !== undefined && { retryAfter: refusal.retryAfter }),
    },
  });
}

/** SQLSTATE of a Postgres error, however deep drizzle wrapped it; undefined when it is none. */
export function sqlState(error: unknown): string | undefined {
  for (let at: unknown = error, depth = 0; at && depth < 5; at = (at as { cause?: unknown }).cause, depth += 1) {
    const code = (at as { code?: unknown }).code;
    if (typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code)) return code;
  }
  return undefined;
}

/** Name of the constraint that a Postgres error is about, however deep drizzle wrapped it; undefined when it is about none. */
export function brokenConstraint(error: unknown): string | undefined {
  for (let at: unknown = error, depth = 0; at && depth < 5; at = (at as { cause?: unknown }).cause, depth += 1) {
    const name = (at as { constraint_name?: unknown }).constraint_name;
    if (typeof name === 'string') return name;
  }
  return undefined;
}
