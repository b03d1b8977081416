import { composeServices } from '@apollo/composition';
import { Supergraph } from '@apollo/federation-internals';
import { parse, print, printSchema } from 'graphql';

export interface Composed {
  supergraph: string;
  /** What clients see. */
  api: string;
}

/** Composes subgraph schemas. @throws Error that names subgraph, coordinate and reason (GW-01) */
export function composeSchemas(subgraphs: readonly { name: string; url: string; sdl: string }[]): Composed {
  const result = composeServices(subgraphs.map(({ name, url, sdl }) => ({ name, url, typeDefs: parse(sdl) })));
  if (result.errors) throw new Error(result.errors.map((error) => `${String(error.extensions.code ?? 'INVALID')}: ${error.message}`).join('\n'));
  const api = Supergraph.build(result.supergraphSdl).apiSchema().toGraphQLJSSchema();
  return { supergraph: `${result.supergraphSdl.trim()}\n`, api: `${printSchema(api).trim()}\n` };
}

/** SDL as it is committed: parsed and printed, so that only meaning makes a difference. */
export function tidySdl(sdl: string): string {
  return `${print(parse(sdl))}\n`;
}
