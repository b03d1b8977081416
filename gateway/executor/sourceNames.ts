import type { FieldNode } from 'graphql';
import type { Graph } from './graph.js';
import { argumentsText } from './selections.js';

/** Under which name a field stands in the data that subgraphs give, whatever the client calls it. */
export interface SourceNames {
  of(node: FieldNode, isMutationRoot: boolean): string;
}

/**
 * A field without arguments keeps its own name; one that can take arguments gets an alias of its own for each set of them. So nothing that a
 * client selects ever stands where a key or a required field is expected, and equal leaves under several aliases are fetched once. Root
 * fields of mutations each have a name of their own: they are run as often as the client wrote them.
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
      // Under two names an object is two answers: an error may turn one to null and leave the other.
      const alias = node.selectionSet && node.alias && node.alias.value !== field ? ` as ${node.alias.value}` : '';
      // An error below may turn it to null, which must not happen to what is required of the same field.
      const isApart = node.selectionSet !== undefined && graph.partlyRequired.has(field);
      return alias !== '' || isApart || graph.fieldsWithArguments.has(field) ? aliasFor(`${field}(${argumentsText(node)})${alias}`, field) : field;
    },
  };
}
