/** The import rules of the house (docs/architecture.md): arrows point one way. */
const SUBGRAPHS = 'subgraphs/(identity|fleet|booking|payments-ledger|dispatch|inbox)';
module.exports = {
  forbidden: [
    { name: 'no-circular', severity: 'error', comment: 'Two files that need each other are one file, or three.', from: {}, to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } } },
    { name: 'subgraphs-stand-alone', severity: 'error', comment: 'Subgraphs know each other by events and references only (EV-01).', from: { path: `^${SUBGRAPHS}/` }, to: { path: `^${SUBGRAPHS}/`, pathNot: '^subgraphs/$1/' } },
    { name: 'platform-knows-no-domain', severity: 'error', from: { path: '^platform/' }, to: { path: '^(subgraphs|gateway|sdk|test|scripts)/' } },
    { name: 'gateway-knows-no-subgraph', severity: 'error', comment: 'Only system wires them together.', from: { path: '^gateway/', pathNot: '^gateway/system\\.ts$' }, to: { path: '^subgraphs/' } },
    { name: 'rules-are-pure', severity: 'error', comment: 'Queries and tables know neither commands nor GraphQL.', from: { path: '^subgraphs/[^/]+/(\\w*[qQ]ueries|tables)\\.ts$' }, to: { path: '^subgraphs/[^/]+/(types|\\w*[rR]esolvers|\\w*[cC]ommands|permissions|subscriptions|main)\\.ts$' } },
    { name: 'commands-know-no-graphql', severity: 'error', from: { path: '^subgraphs/[^/]+/\\w*[cC]ommands\\.ts$' }, to: { path: '^subgraphs/[^/]+/(types|\\w*[rR]esolvers|permissions|subscriptions|main|jobs)\\.ts$' } },
    { name: 'nobody-imports-main', severity: 'error', from: { path: '^(subgraphs|platform|gateway)/', pathNot: '(\\.(test|given)\\.ts$|^subgraphs/starters\\.ts$)' }, to: { path: '/main\\.ts$' } },
    { name: 'sdk-stands-alone', severity: 'error', comment: 'It is shipped to clients.', from: { path: '^sdk/' }, to: { path: '^(platform|subgraphs|gateway|test|scripts)/' } },
    { name: 'no-test-in-product', severity: 'error', from: { pathNot: '(\\.(test|given)\\.ts$|^test/|^bench/|gateway/test\\w+\\.ts$)' }, to: { path: '(^test/|\\.(test|given)\\.ts$|testSubgraphs\\.ts$)' } },
    { name: 'no-unresolved', severity: 'error', from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    // bench/gateway is a package of its own: what it compares us with is not installed here.
    exclude: { path: '(^dist/|/generated/|^bench/gateway/)' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default', 'types'], extensions: ['.ts', '.js', '.mjs', '.cjs', '.json'] },
  },
};
