export type Data = Record<string, unknown>;

export function isData(value: unknown): value is Data {
  return typeof value === 'object' && value !== null;
}

/** Whether a name is that of an object type; an interface object's subgraph gives the interface's name as `__typename`. */
export type IsObjectType = (name: unknown) => boolean;

/**
 * Adds what a subgraph gave to what is known of an object. Null wins over anything: it stands for an error below, and the whole value is
 * null then. Lists are merged item by item.
 * @throws Error when two subgraphs give lists of different lengths for one field: merging them would mix up their items
 */
export function merge(target: Data, source: Data, isObjectType: IsObjectType): void {
  for (const key in source) {
    const value = source[key];
    if (value === undefined) continue;
    const known = target[key];
    if (known === value) continue;
    if (key === '__typename' && known !== undefined) {
      if (!isObjectType(known)) target[key] = value;
    } else if (!isData(known) || !isData(value) || !Object.hasOwn(target, key)) set(target, key, known === null ? null : value);
    else mergeValues(known, value, isObjectType);
  }
}

function mergeValues(known: Data, value: Data, isObjectType: IsObjectType): void {
  if (!Array.isArray(known) || !Array.isArray(value)) {
    merge(known, value, isObjectType);
    return;
  }
  if (known.length !== value.length) throw new Error('Two subgraphs gave lists of different lengths for the same field.');
  for (let index = 0; index < value.length; index += 1) {
    const item: unknown = value[index];
    const present: unknown = known[index];
    if (isData(item) && isData(present)) mergeValues(present, item, isObjectType);
    else known[index] = present === null ? null : item;
  }
}

function set(target: Data, key: string, value: unknown): void {
  // A plain assignment would replace the prototype: custom scalars may hold any key.
  if (key === '__proto__') Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true });
  else target[key] = value;
}
