import type { FieldNode } from 'graphql';
import type { Graph } from './graph.js';
import { argumentsText } from './selections.js';

/** Under which name a field stands in the data that subgraphs give, whatever the client calls it. */
export interface SourceNames {
  of(node: FieldNode, isMutationRoot: boolean): string;
}

/**
 * A field without arguments keeps its own name; one that can take arguments gets an alias of its own for each set of them. So nothing that a
 * client selects ever stands where a key or a required field is expected, and equal fields under several aliases are fetched once. Root
 * fields of mutations are the exception: each is run as often as the client wrote it.
 */
export function createSourceNames(graph: Graph): SourceNames {
  const aliases = new Map<string, string>();
  const aliasFor = (key: string, field: string): string => {
    const known = aliases.get(key);
    if (known !== undefined) return known;
    const alias = `_wg${aliases.size}_${field}`;
    aliases.set(key, alias);
    return alias;
  };
  return {
    of(node, isMutationRoot) {
      const field = node.name.value;
      if (isMutationRoot) return node.alias ? aliasFor(`mutation ${node.alias.value}`, field) : field;
      return graph.fieldsWithArguments.has(field) ? aliasFor(`${field}(${argumentsText(node)})`, field) : field;
    },
  };
}
