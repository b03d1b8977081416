import { readFile } from 'node:fs/promises';
import { ApolloGateway } from '@apollo/gateway';
import { ApolloServer, type ApolloServerPlugin, HeaderMap } from '@apollo/server';
import { ApolloServerPluginLandingPageDisabled } from '@apollo/server/plugin/disabled';
import { execute, type FormattedExecutionResult, GraphQLError, type GraphQLSchema, Kind, type OperationDefinitionNode, type ValidationRule } from 'graphql';
import type { Log } from '../platform/log.js';
import type { Caller } from '../platform/subgraph.js';
import type { GatewayContext } from './context.js';
import { linkDataSource } from './dataSource.js';
import type { SubgraphLink } from './links.js';
import { createSubscriptions, type FederatedSubscriptions } from './subscriptions.js';

export interface EngineOptions {
  supergraphSdl: string;
  links: readonly SubgraphLink[];
  log: Log;
  production: boolean;
  introspection: boolean;
  /** Checked for every document, whatever the transport. */
  validationRules: readonly ValidationRule[];
  /** Tokens per document; null for no limit. */
  maxTokens: number | null;
  plugins: readonly ApolloServerPlugin<GatewayContext>[];
  csrfPrevention: boolean;
  principalOf(caller: Caller): string | null;
}

/** The graph itself, without any transport: queries and mutations by Apollo, subscriptions by us, over the same links. */
export interface Engine {
  apollo: ApolloServer<GatewayContext>;
  subscriptions: FederatedSubscriptions;
  schema(): GraphQLSchema;
  stop(): Promise<void>;
}

/** Loads the supergraph; no subgraph has to be up for that (GW-01). @throws Error when it names a subgraph to which there is no link */
export async function startEngine(options: EngineOptions): Promise<Engine> {
  // Apollo's gateway reports its use to Apollo otherwise.
  process.env.APOLLO_TELEMETRY_DISABLED = 'true';
  const links = new Map(options.links.map((link) => [link.name, link]));
  const subscriptions = createSubscriptions({ links, principalOf: options.principalOf });
  // Apollo is talkative at `info`; what matters of it comes as warnings.
  const logger = options.log.child({ part: 'apollo' }, { level: options.log.level === 'silent' ? 'silent' : 'warn' });
  const gateway = new ApolloGateway({
    supergraphSdl: options.supergraphSdl,
    logger,
    debug: false,
    __exposeQueryPlanExperimental: !options.production,
    buildService({ name }) {
      const link = links.get(name);
      if (!link) throw new Error(`The supergraph names the subgraph "${name}", but the gateway was given no link to it.`);
      return linkDataSource(link);
    },
  });
  let schema: GraphQLSchema | null = null;
  gateway.onSchemaLoadOrUpdate(({ apiSchema, coreSupergraphSdl }) => {
    schema = apiSchema;
    subscriptions.update(coreSupergraphSdl);
  });
  const apollo = new ApolloServer<GatewayContext>({
    gateway,
    logger,
    introspection: options.introspection,
    csrfPrevention: options.csrfPrevention,
    allowBatchedHttpRequests: false,
    includeStacktraceInErrorResponses: false,
    hideSchemaDetailsFromClientErrors: options.production,
    stopOnTerminationSignals: false,
    nodeEnv: options.production ? 'production' : 'development',
    validationRules: [...options.validationRules],
    ...(options.maxTokens !== null && { parseOptions: { maxTokens: options.maxTokens } }),
    plugins: [ApolloServerPluginLandingPageDisabled(), operationGuard, ...options.plugins],
  });
  await apollo.start();
  return {
    apollo,
    subscriptions,
    schema() {
      if (!schema) throw new Error('No supergraph has been loaded yet.');
      return schema;
    },
    async stop() {
      subscriptions.close();
      await apollo.stop();
    },
  };
}

/** Says where subscriptions belong, gives operations that are worthless when late their shorter limit, and answers introspection. */
const operationGuard: ApolloServerPlugin<GatewayContext> = {
  async requestDidStart() {
    return {
      async didResolveOperation({ operation, contextValue }) {
        if (!operation) {
          throw new GraphQLError('The document has no operation of that name, or several and none was named.', {
            extensions: { code: 'OPERATION_RESOLUTION_FAILURE', http: { status: 400 } },
          });
        }
        if (operation.operation === 'subscription') {
          throw new GraphQLError('Subscriptions run over WebSocket: connect to this same URL with the graphql-transport-ws protocol.', {
            extensions: { code: 'INVALID_REQUEST', http: { status: 400 } },
          });
        }
        contextValue.deadline?.tighten(rootNames(operation));
      },
      async responseForOperation({ operation, document, schema, request }) {
        const names = operation ? rootNames(operation) : [];
        const introspects = names.length === operation?.selectionSet.selections.length && names.every((name) => name.startsWith('__'));
        if (!introspects) return null;
        // By graphql-js, because Apollo's gateway knows an older introspection schema than the one that documents are checked against:
        // `isOneOf`, which new tools ask for, would make it fail.
        const singleResult = await execute({ schema, document, variableValues: request.variables, operationName: request.operationName });
        return {
          http: { status: undefined, headers: new HeaderMap() },
          body: { kind: 'single', singleResult: singleResult as FormattedExecutionResult<Record<string, unknown>> },
        };
      },
    };
  },
};

/** Names of the fields at the top of an operation, as far as they are not in fragments. */
function rootNames(operation: OperationDefinitionNode): string[] {
  return operation.selectionSet.selections.flatMap((selection) => (selection.kind === Kind.FIELD ? [selection.name.value] : []));
}

/** Reads a supergraph file. @throws Error with one readable line when it is not there */
export async function readSupergraph(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new Error(`The supergraph ${path} cannot be read. Run "npm run compose" first, or set SUPERGRAPH.`, { cause: error });
  }
}
