import { type ConstDirectiveNode, type DocumentNode, Kind } from 'graphql';

/** Seconds for which a field's answer may be kept, by `Type.field`; null for as long as the answer around it. Fields that are not there are not kept. */
export type CacheRules = ReadonlyMap<string, number | null>;

/** What `@cacheControl` says of fields, in Apollo's form. What is for one person alone (`scope: PRIVATE`) is as if nothing were said. */
export function cacheRulesIn(document: DocumentNode): CacheRules {
  const rules = new Map<string, number | null>();
  for (const definition of document.definitions) {
    if (definition.kind !== Kind.OBJECT_TYPE_DEFINITION) continue;
    for (const { name, directives } of definition.fields ?? []) {
      const rule = ruleOf(directives?.find((directive) => directive.name.value === 'cacheControl'));
      if (rule !== undefined) rules.set(`${definition.name.value}.${name.value}`, rule);
    }
  }
  return rules;
}

function ruleOf(directive: ConstDirectiveNode | undefined): number | null | undefined {
  const given = (name: string) => directive?.arguments?.find((argument) => argument.name.value === name)?.value;
  const [maxAge, inherit, scope] = [given('maxAge'), given('inheritMaxAge'), given('scope')];
  if (scope?.kind === Kind.ENUM && scope.value !== 'PUBLIC') return undefined;
  if (maxAge?.kind === Kind.INT) return Math.max(0, Number(maxAge.value));
  return inherit?.kind === Kind.BOOLEAN && inherit.value ? null : undefined;
}
