/**
 * A copy of foreign JSON that Postgres can keep: its text has no NUL, and its jsonb no half of a surrogate pair. Without this one odd byte in a
 * stranger's mail would make the provider repeat its webhook for a day, in vain.
 */
export function storable<T>(value: T): T {
  if (typeof value === 'string') return storableText(value) as T;
  if (Array.isArray(value)) return value.map(storable) as T;
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [storableText(key), storable(inner)])) as T;
}

function storableText(text: string): string {
  return Buffer.from(text.replaceAll('\u0000', ''), 'utf8').toString('utf8');
}
