import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { Router } from 'express';
import { Kind, parse, print, visit } from 'graphql';
import { DEMO_ACCOUNTS, DEMO_PASSWORD } from '../../platform/demoAccounts.js';
import { packageRoot } from '../../platform/packageRoot.js';
import { playgroundPage, type SavedOperation } from './page.js';

const require = createRequire(import.meta.url);

/** The page's scripts and styles, from our own dependencies: nothing is fetched from elsewhere (GW-50). */
const ASSETS: Readonly<Record<string, { file: string; type: string }>> = {
  'react.js': { file: inPackage('react', 'umd/react.production.min.js'), type: 'text/javascript' },
  'react-dom.js': { file: inPackage('react-dom', 'umd/react-dom.production.min.js'), type: 'text/javascript' },
  'graphiql.js': { file: inPackage('graphiql', 'graphiql.min.js'), type: 'text/javascript' },
  'graphiql.css': { file: inPackage('graphiql', 'graphiql.min.css'), type: 'text/css' },
  'graphql-ws.js': { file: inPackage('graphql-ws', 'umd/graphql-ws.min.js'), type: 'text/javascript' },
  'playground.js': { file: path.join(packageRoot, 'gateway/playground/assets/playground.js'), type: 'text/javascript' },
  'playground.css': { file: path.join(packageRoot, 'gateway/playground/assets/playground.css'), type: 'text/css' },
};

function inPackage(name: string, file: string): string {
  return path.join(path.dirname(require.resolve(`${name}/package.json`)), file);
}

/** Whom an operation can be for: a demo account, whose button is pressed first, or who has no button because there is nobody to sign in. */
const KNOWN: ReadonlySet<string> = new Set([...Object.keys(DEMO_ACCOUNTS), 'anybody', 'a service key with locations:write']);

/**
 * The operations of schema/operations: each file begins with `# <group> <number> <what it does> (as <who>)`.
 * @throws Error that names the file when it begins otherwise, or is for somebody who is not there: the page would tell people to become whom they cannot
 */
export function readSavedOperations(folder = path.join(packageRoot, 'schema/operations')): SavedOperation[] {
  const files = readdirSync(folder).filter((file) => file.endsWith('.graphql'));
  const texts = new Map(files.sort(byNumber).map((file) => [file, readFileSync(path.join(folder, file), 'utf8')]));
  const fragments = new Map<string, string>();
  for (const text of texts.values()) {
    for (const part of parse(text).definitions) if (part.kind === Kind.FRAGMENT_DEFINITION) fragments.set(part.name.value, print(part));
  }
  return [...texts].map(([file, query]) => {
    const [, name, as] = /^# ([A-Z][a-z]+ \d+ .+) \(as ([^()]+)\)\r?\n/.exec(query) ?? [];
    if (!name || !as) throw new Error(`${file} has to begin with "# <group> <number> <what it does> (as <who>)".`);
    if (!KNOWN.has(as)) throw new Error(`${file} is for "${as}", whom nobody can be. Choose one of: ${[...KNOWN].join(', ')}.`);
    const variables = /^# variables: (.+)$/m.exec(query)?.[1] ?? '';
    return {
      name,
      as,
      query: withFragments(query.replace(/^# variables: .+\n/m, ''), fragments),
      variables: variables && JSON.stringify(JSON.parse(variables), null, 2),
    };
  });
}

/** `ride-10` after `ride-9`. */
function byNumber(a: string, b: string): number {
  return a.localeCompare(b, 'en', { numeric: true });
}

/** Adds the fragments that an operation uses and that stand in another file, so that it can be run as it is. */
function withFragments(query: string, fragments: ReadonlyMap<string, string>): string {
  const document = parse(query);
  const own = new Set<string>();
  const used = new Set<string>();
  visit(document, { FragmentDefinition: (node) => void own.add(node.name.value), FragmentSpread: (node) => void used.add(node.name.value) });
  const missing = [...used].filter((name) => !own.has(name)).map((name) => fragments.get(name) ?? '');
  return [query.trim(), ...missing].join('\n\n');
}

/** GraphiQL at `/`, with the saved operations, and a button per demo account where there are demo accounts. */
export function createPlayground(options: { demo: boolean }): Router {
  const router = Router();
  const page = playgroundPage({
    accounts: options.demo ? Object.values(DEMO_ACCOUNTS).map(({ email }) => email) : [],
    password: DEMO_PASSWORD,
    operations: readSavedOperations(),
  });
  router.get('/', (_request, response) => {
    // GraphiQL styles its elements in place; scripts come from here only.
    response.setHeader(
      'content-security-policy',
      "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; connect-src 'self' ws: wss:; frame-ancestors 'none'",
    );
    response.type('html').send(page);
  });
  router.get('/playground/:asset', (request, response, next) => {
    const asset = ASSETS[request.params.asset];
    if (!asset) return next();
    response.setHeader('cache-control', 'public, max-age=3600');
    response.type(asset.type).sendFile(asset.file);
  });
  return router;
}
