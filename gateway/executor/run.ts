import type { ExecutionResult, GraphQLFormattedError } from 'graphql';
import type { LinkRequest } from '../links.js';
import { soundAnswer } from './answers.js';
import type { Graph } from './graph.js';
import { type Data, isData, merge } from './merge.js';
import type { FetchStep, Step } from './plan.js';

/** One fetch as it went, for those who ask where the time goes. */
export interface FetchTiming {
  service: string;
  /** Where in the answer, as the plan calls it. */
  path: string;
  startedMs: number;
  durationMs: number;
  /** Entities that were asked for; 0 for root fields. */
  entities: number;
  /** The document that the subgraph got. */
  operation: string;
}

/** Something that went wrong in a fetch, at places in the data. */
export interface FetchError {
  error: GraphQLFormattedError | Error;
  service: string;
  /** Path of the plan to the objects, and those of them that are concerned; the path goes on with `rest`. */
  planPath: readonly string[];
  targets: readonly Data[];
  rest: readonly (string | number)[];
  /** Reported once only, though it explains the nulls of all targets: a subgraph that is down is one error, not a thousand. */
  once: boolean;
}

/** Everything that one execution of a plan shares. */
export interface Run {
  graph: Graph;
  variables: Readonly<Record<string, unknown>>;
  data: Data;
  errors: FetchError[];
  /** Objects that stand in several places of the data, because subgraphs were asked once for what is equal. */
  shared: Set<object>;
  fetch(service: string, request: LinkRequest, isMutation: boolean): Promise<ExecutionResult>;
  onFetch: ((timing: FetchTiming) => void) | null;
  /** Answers by what was asked, so that equal fetches are sent once; forgotten with each step of a mutation. */
  asked: Map<string, Promise<ExecutionResult>>;
  isObjectType(name: unknown): boolean;
}

interface Cursor {
  path: readonly string[];
  items: readonly Data[];
}

/** Runs a plan; what it finds is in `run.data`, what went wrong in `run.errors`. Never rejects for what a subgraph does. */
export function runPlan(run: Run, step: Step): Promise<void> {
  return runStep(run, step, { path: [], items: [run.data] });
}

const NOTHING_TO_DO = Promise.resolve();

/** Gives on the promises of what is below: one of its own for each step would be most of what a small plan costs. */
function runStep(run: Run, step: Step, cursor: Cursor): Promise<void> {
  switch (step.kind) {
    case 'sequence':
      return inOrder(run, step.steps, cursor);
    case 'parallel':
      return Promise.all(step.steps.map((each) => runStep(run, each, cursor))) as Promise<unknown> as Promise<void>;
    case 'flatten': {
      const items = follow(run, cursor.items, step.path);
      return items.length > 0 ? runStep(run, step.step, { path: [...cursor.path, ...step.path], items }) : NOTHING_TO_DO;
    }
    case 'condition': {
      const branch = run.variables[step.variable] === true ? step.then : step.otherwise;
      return branch ? runStep(run, branch, cursor) : NOTHING_TO_DO;
    }
    case 'fetch':
      return runFetch(run, step, cursor);
  }
}

async function inOrder(run: Run, steps: readonly Step[], cursor: Cursor): Promise<void> {
  for (const step of steps) await runStep(run, step, cursor);
}

/** The objects at a path; one that is reached several times stands in the result once. */
function follow(run: Run, items: readonly Data[], path: readonly string[]): Data[] {
  let at: Data[] = [...items];
  for (const part of path) {
    // Only what is shared can be met twice.
    const met = run.shared.size > 0 ? new Set<unknown>() : null;
    const next = part === '@' ? at.flatMap((item) => (Array.isArray(item) ? (item as unknown[]) : [])) : at.map((item) => item[part]);
    at = next.filter((value): value is Data => isData(value) && (!met || unmet(met, value)));
  }
  return at.some(Array.isArray) ? (at.flat(Number.POSITIVE_INFINITY) as unknown[]).filter(isData) : at;
}

function unmet(met: Set<unknown>, value: unknown): boolean {
  if (met.has(value)) return false;
  met.add(value);
  return true;
}

async function runFetch(run: Run, step: FetchStep, cursor: Cursor): Promise<void> {
  const entities = step.represent ? represent(step, step.represent, cursor.items) : null;
  if (entities && entities.texts.length === 0) return;
  const startedMs = performance.now();
  try {
    const result = await ask(run, step, entities);
    if (entities) mergeEntities(run, step, cursor, entities, result);
    else mergeRoot(run, step, cursor, result);
  } catch (error) {
    fail(run, step, cursor, entities?.targets.flat() ?? cursor.items, error as Error);
  }
  run.onFetch?.({
    service: step.service,
    path: cursor.path.join('.'),
    startedMs,
    durationMs: performance.now() - startedMs,
    entities: entities?.texts.length ?? 0,
    operation: step.query,
  });
}

/** Entities to ask for, each once, and the objects that wait for each. */
interface Entities {
  texts: string[];
  targets: Data[][];
}

function represent(step: FetchStep, of: NonNullable<FetchStep['represent']>, items: readonly Data[]): Entities {
  const known = new Map<string, number>();
  const entities: Entities = { texts: [], targets: [] };
  for (const item of items) {
    const text = step.representText ? step.representText(item) : representationText(step, of, item);
    if (text === undefined) continue;
    const index = known.get(text);
    if (index === undefined) {
      known.set(text, entities.texts.length);
      entities.texts.push(text);
      entities.targets.push([item]);
    } else entities.targets[index]?.push(item);
  }
  return entities;
}

function representationText(step: FetchStep, of: NonNullable<FetchStep['represent']>, item: Data): string | undefined {
  const representation = of(item);
  if (!representation) return undefined;
  step.rewriteInput?.(representation);
  return JSON.stringify(representation);
}

function ask(run: Run, step: FetchStep, entities: Entities | null): Promise<ExecutionResult> {
  const request = requestOf(run, step, entities);
  if (step.isMutation) {
    // What was asked before it may be answered otherwise now; also when it failed, for it may have done its work all the same.
    return send(run, step, entities, request).finally(() => run.asked.clear());
  }
  if (!step.mayRepeat) return send(run, step, entities, request);
  const key = `${step.key}\n${request.variablesText}`;
  const known = run.asked.get(key);
  if (known) {
    return known.then((result) => {
      shareAll(run, entities ? (result.data as Data | null)?._entities : [result.data]);
      return result;
    });
  }
  const asked = send(run, step, entities, request);
  run.asked.set(key, asked);
  return asked;
}

async function send(run: Run, step: FetchStep, entities: Entities | null, request: LinkRequest): Promise<ExecutionResult> {
  const result = soundAnswer(await run.fetch(step.service, request, step.isMutation));
  if (isData(result.data)) {
    // Representations and all that they lead to are checked for the form that federation promises.
    const root = result.data as Data;
    if (entities && (!Array.isArray(root._entities) || root._entities.length !== entities.texts.length)) {
      throw new Error(`Expected ${entities.texts.length} entities in the answer of ${step.service}.`);
    }
    step.rewriteOutput?.(entities ? root._entities : root);
  } else if (!result.errors) throw new Error(`${step.service} answered neither data nor errors.`);
  return result;
}

function requestOf(run: Run, step: FetchStep, entities: Entities | null): LinkRequest {
  const given: Record<string, unknown> = {};
  for (const name of step.variableNames) if (run.variables[name] !== undefined) given[name] = run.variables[name];
  const representations = entities ? `[${entities.texts.join(',')}]` : null;
  const variablesText = withRepresentations(step.variableNames.length === 0 ? '{}' : JSON.stringify(given), representations);
  return new FetchRequest(step, given, representations, variablesText);
}

/**
 * What a step asks its subgraph. A class for its getter: an object literal with one gets a hidden class of its own each time, which lives, with all that the
 * getter reaches, until the next full garbage collection.
 */
class FetchRequest implements LinkRequest {
  readonly query: string;
  readonly queryText: string;
  readonly operationName: string | undefined;
  mustBeFresh = false;

  constructor(
    step: FetchStep,
    private readonly given: Record<string, unknown>,
    private readonly representations: string | null,
    readonly variablesText: string,
  ) {
    this.query = step.query;
    this.queryText = step.queryText;
    this.operationName = step.operationName;
  }

  /** Made when somebody reads them: over HTTP it is the text that travels. */
  get variables(): Record<string, unknown> {
    return this.representations === null ? this.given : { ...this.given, representations: JSON.parse(this.representations) as unknown };
  }
}

function withRepresentations(variables: string, representations: string | null): string {
  if (representations === null) return variables;
  return variables === '{}' ? `{"representations":${representations}}` : `${variables.slice(0, -1)},"representations":${representations}}`;
}

/** What is directly below these objects will stand in several places. */
function shareAll(run: Run, objects: unknown): void {
  if (!Array.isArray(objects)) return;
  for (const object of objects) if (isData(object)) share(run, object);
}

function share(run: Run, object: Data): void {
  for (const key in object) {
    const value = object[key];
    if (isData(value)) run.shared.add(value);
  }
}

function mergeRoot(run: Run, step: FetchStep, cursor: Cursor, result: ExecutionResult): void {
  for (const error of result.errors ?? []) {
    run.errors.push({ error, service: step.service, planPath: cursor.path, targets: cursor.items, rest: named(step, error.path ?? []), once: false });
  }
  if (!isData(result.data)) return;
  if (cursor.items.length > 1) share(run, result.data as Data);
  for (const item of cursor.items) merge(item, result.data as Data, run.isObjectType);
}

function mergeEntities(run: Run, step: FetchStep, cursor: Cursor, { targets }: Entities, result: ExecutionResult): void {
  // One list for all errors that concern every entity: thousands of them, each with a list of thousands, would be no joke.
  let all: readonly Data[] | null = null;
  for (const error of result.errors ?? []) {
    const index = error.path?.[1];
    const concerned = typeof index === 'number' ? targets[index] : undefined;
    run.errors.push(
      concerned
        ? { error, service: step.service, planPath: cursor.path, targets: concerned, rest: named(step, error.path?.slice(2) ?? []), once: false }
        : { error, service: step.service, planPath: cursor.path, targets: (all ??= targets.flat()), rest: NOWHERE, once: true },
    );
  }
  if (!isData(result.data)) return;
  const found = (result.data as Data)._entities as unknown[];
  for (let index = 0; index < targets.length; index += 1) {
    const entity = found[index];
    if (!isData(entity)) continue;
    const waiting = targets[index] as Data[];
    if (waiting.length > 1) share(run, entity);
    for (const target of waiting) merge(target, entity, run.isObjectType);
  }
}

const NOWHERE: readonly (string | number)[] = [];

/** A path of a subgraph in the names of the plan. */
function named(step: FetchStep, path: readonly (string | number)[]): readonly (string | number)[] {
  if (step.renamed.size === 0) return path;
  return path.map((part) => (typeof part === 'string' ? (step.renamed.get(part) ?? part) : part));
}

function fail(run: Run, step: FetchStep, cursor: Cursor, targets: readonly Data[], error: Error): void {
  const common = { error, service: step.service, planPath: cursor.path, targets };
  if (step.represent) run.errors.push({ ...common, rest: [], once: true });
  else for (const name of step.rootNames()) run.errors.push({ ...common, rest: [name], once: true });
}
