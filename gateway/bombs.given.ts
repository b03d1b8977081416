const many = (count: number, write: (index: number) => string) => Array.from({ length: count }, (_, index) => write(index)).join(' ');
const C = 'QUERY_TOO_COMPLEX';
const V = 'GRAPHQL_VALIDATION_FAILED';

/** Operations over the test graph that cost little to send, and would cost much to run, to check or to plan; and the code that they are refused with. */
export const BOMBS: [name: string, query: string, code: string][] = [
  ['10,000 levels', `{ ${'deep { '.repeat(10_000)} leaf ${'} '.repeat(10_000)} }`, C],
  ['16 levels', `{ ${'deep { '.repeat(16)} leaf ${'} '.repeat(16)} }`, C],
  [
    'levels hidden in fragments',
    `{ ...F0 } ${many(8, (n) => `fragment F${n} on Query { deep { deep { ...D${n} } } } fragment D${n} on Deep { deep { leaf } }`)}`,
    V,
  ],
  ['10,000 aliases', `{ ${many(10_000, (n) => `a${n}: whoami`)} }`, C],
  ['31 aliases', `{ ${many(31, (n) => `a${n}: whoami`)} }`, C],
  ['10,000 fields', `{ ${many(10_000, () => 'whoami')} }`, C],
  ['one field as often as it fits', `{ deep { ${many(1_900, () => 'leaf')} } }`, C],
  ['10,000 directives', `{ whoami ${many(10_000, () => '@include(if: true)')} }`, C],
  ['unknown directives', `{ whoami ${many(900, (n) => `@x${n}`)} }`, V],
  ['a fragment that spreads itself', '{ ...F } fragment F on Query { whoami ...F }', V],
  ['fragments in a circle', '{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }', V],
  ['fragments that double', `{ ...F0 } ${many(40, (n) => `fragment F${n} on Query { ...F${n + 1} ...F${n + 1} }`)} fragment F40 on Query { whoami }`, C],
  ['many fragments of the same', `{ ${many(150, (n) => `...F${n}`)} } ${many(150, (n) => `fragment F${n} on Query { deep { leaf } }`)}`, C],
  ['unknown fields', `{ ${many(1_900, (n) => `whoam${n}`)} }`, C],
  ['unknown arguments', `{ trip(${many(480, (n) => `a${n}: 1`)}) { id } }`, V],
  ['10,000 variables', `query(${many(10_000, (n) => `$v${n}: Int`)}) { whoami }`, C],
  ['a literal of 3,000 levels', `{ trip(id: ${'['.repeat(3_000)}${']'.repeat(3_000)}) { id } }`, C],
  ['a long number', `{ slow(ms: ${'9'.repeat(100_000)}) }`, V],
  ['nine variables that decide what is selected', `query(${many(9, (n) => `$v${n}: Boolean!`)}) { ${many(9, (n) => `whoami @include(if: $v${n})`)} }`, C],
  ['an endless string', `{ trip(id: "${'x'.repeat(100_000)}`, 'GRAPHQL_PARSE_FAILED'],
];
