import type { FetchNode, PlanNode } from '@apollo/query-planner';
import { Kind, OperationTypeNode, parse } from 'graphql';
import { textBytes } from './documentBytes.js';
import type { Graph } from './graph.js';
import { compileRepresentation, compileRepresentationText, type Represent, type RepresentText } from './representations.js';
import { compileRewrites, type Rewrite } from './rewrites.js';

/** A query plan made ready to run. */
export type Step =
  | { kind: 'sequence' | 'parallel'; steps: readonly Step[] }
  | { kind: 'flatten'; path: readonly string[]; step: Step }
  | { kind: 'condition'; variable: string; then: Step | null; otherwise: Step | null }
  | FetchStep;

export interface FetchStep {
  kind: 'fetch';
  service: string;
  query: string;
  operationName: string | undefined;
  /** `query` and `operationName` as they stand in the JSON that a subgraph is sent. */
  queryText: string;
  /** Equal for fetches that ask the same, whatever they are called. */
  key: string;
  /** Whether another fetch of the same operation may turn out to be the same request. */
  mayRepeat: boolean;
  isMutation: boolean;
  variableNames: readonly string[];
  /** Null for a fetch of root fields. */
  represent: Represent | null;
  /** The same as text, where that is possible. */
  representText: RepresentText | null;
  rewriteInput: Rewrite | null;
  rewriteOutput: Rewrite | null;
  /** Names that the subgraph is asked under, and the names that they get; for error paths. */
  renamed: ReadonlyMap<string, string>;
  /** Response names of the root fields, as the plan calls them. */
  rootNames(): readonly string[];
}

/** @throws Error for what the planner never makes without being asked to (`@defer`), or what nobody can run yet (`@context`) */
export function compilePlan(graph: Graph, node: PlanNode): Step {
  switch (node.kind) {
    case 'Sequence':
      return { kind: 'sequence', steps: node.nodes.map((each) => compilePlan(graph, each)) };
    case 'Parallel':
      return { kind: 'parallel', steps: node.nodes.map((each) => compilePlan(graph, each)) };
    case 'Flatten':
      return { kind: 'flatten', path: node.path.map(String), step: compilePlan(graph, node.node) };
    case 'Condition':
      return {
        kind: 'condition',
        variable: node.condition,
        // biome-ignore lint/suspicious/noThenProperty: the other names are worse, and nobody awaits a step.
        then: node.ifClause ? compilePlan(graph, node.ifClause) : null,
        otherwise: node.elseClause ? compilePlan(graph, node.elseClause) : null,
      };
    case 'Fetch':
      return compileFetch(graph, node);
    default:
      throw new Error(`A plan holds a ${node.kind} node, which this gateway does not run.`);
  }
}

export function compileFetch(graph: Graph, node: FetchNode): FetchStep {
  if (node.contextRewrites && node.contextRewrites.length > 0) throw new Error('@fromContext is not supported by this gateway.');
  const text = node.operation.replace(/^(query|mutation|subscription)\s+\w+/, '$1');
  const renames = (node.outputRewrites ?? []).flatMap((rewrite) => (rewrite.kind === 'KeyRenamer' ? [[rewrite.path.at(-1) ?? '', rewrite.renameKeyTo]] : []));
  let names: readonly string[] | null = null;
  return {
    kind: 'fetch',
    service: node.serviceName,
    query: node.operation,
    operationName: node.operationName,
    queryText: queryText(node.operation, node.operationName),
    key: `${node.serviceName}\n${text}\n${JSON.stringify(node.outputRewrites ?? [])}`,
    mayRepeat: false,
    isMutation: node.operationKind === OperationTypeNode.MUTATION,
    variableNames: node.variableUsages ?? [],
    represent: node.requires ? compileRepresentation(graph, node.serviceName, node.requires) : null,
    representText: node.requires && !node.inputRewrites?.length ? compileRepresentationText(graph, node.serviceName, node.requires) : null,
    rewriteInput: compileRewrites(graph, node.inputRewrites),
    rewriteOutput: compileRewrites(graph, node.outputRewrites),
    renamed: new Map(renames as [string, string][]),
    rootNames: () => (names ??= rootNames(node.operation)),
  };
}

/** `query` and `operationName` as they stand in the JSON of a request. */
export function queryText(query: string, operationName: string | undefined): string {
  return `"query":${JSON.stringify(query)}${operationName === undefined ? '' : `,"operationName":${JSON.stringify(operationName)}`}`;
}

/** Marks fetches that ask the same as another of these steps: only for those is it worth remembering what was asked. */
export function markRepeated(steps: readonly Step[]): void {
  const byKey = new Map<string, FetchStep>();
  const visit = (step: Step | null): void => {
    switch (step?.kind) {
      case 'sequence':
      case 'parallel':
        step.steps.forEach(visit);
        break;
      case 'flatten':
        visit(step.step);
        break;
      case 'condition':
        visit(step.then);
        visit(step.otherwise);
        break;
      case 'fetch': {
        const equal = byKey.get(step.key);
        if (equal) equal.mayRepeat = step.mayRepeat = true;
        else byKey.set(step.key, step);
      }
    }
  };
  steps.forEach(visit);
}

/** About how much memory a step takes: its text stands in it three times, and what is compiled of it is larger again. */
export function stepBytes(step: Step): number {
  switch (step.kind) {
    case 'sequence':
    case 'parallel':
      return step.steps.reduce((sum, each) => sum + stepBytes(each), 100);
    case 'flatten':
      return stepBytes(step.step) + 100;
    case 'condition':
      return (step.then ? stepBytes(step.then) : 0) + (step.otherwise ? stepBytes(step.otherwise) : 0) + 100;
    case 'fetch':
      return textBytes(step.query) * 8 + 1_000;
  }
}

function rootNames(query: string): string[] {
  const operation = parse(query, { noLocation: true }).definitions.find((definition) => definition.kind === Kind.OPERATION_DEFINITION);
  return (operation?.selectionSet.selections ?? []).flatMap((selection) =>
    selection.kind === Kind.FIELD ? [selection.alias?.value ?? selection.name.value] : [],
  );
}
