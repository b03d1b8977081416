import { type ApolloServerPlugin, HeaderMap } from '@apollo/server';
import { GraphQLError } from 'graphql';
import { refusalToGraphQLError } from '../platform/errors.js';
import type { GatewayContext } from './context.js';
import { quotaHeaders } from './http.js';
import { type Quota, type RateLimiter, RateRefusal } from './rateLimiter.js';

/** Counts root fields that have a limit of their own (GW-22), over HTTP and WebSocket alike, before anything of the operation runs. */
export function limitedOperations(limiter: RateLimiter): ApolloServerPlugin<GatewayContext> {
  return {
    async requestDidStart() {
      let quota: Quota | null = null;
      return {
        async didResolveOperation({ contextValue, document, operation }) {
          if (!operation) return;
          try {
            quota = await limiter.operation(contextValue.caller, document, operation);
          } catch (error) {
            if (!(error instanceof RateRefusal)) throw error;
            const headers = new HeaderMap([...quotaHeaders(error.quota), ['retry-after', String(error.retryAfter)]]);
            const { message, extensions } = refusalToGraphQLError(error);
            throw new GraphQLError(message, { extensions: { ...extensions, http: { status: 429, headers } } });
          }
        },
        async willSendResponse({ response }) {
          // The narrower limit is the one to know.
          if (quota) for (const [name, value] of quotaHeaders(quota)) response.http.headers.set(name, value);
        },
      };
    },
  };
}
