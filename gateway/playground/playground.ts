import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { Router } from 'express';
import { DEMO_ACCOUNTS, DEMO_PASSWORD } from '../../platform/demoAccounts.js';
import { packageRoot } from '../../platform/packageRoot.js';
import { playgroundPage } from './page.js';

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

export interface SavedOperation {
  /** Story and step, such as `Rental 3 quote`. */
  name: string;
  query: string;
  /** Whose button to press first. */
  as: string;
}

/** The operations of schema/operations: each file begins with `# <name> (as <who>)`. */
export function readSavedOperations(): SavedOperation[] {
  const folder = path.join(packageRoot, 'schema/operations');
  return readdirSync(folder)
    .filter((file) => file.endsWith('.graphql'))
    .sort()
    .map((file) => {
      const query = readFileSync(path.join(folder, file), 'utf8');
      const [, name = file, as = 'anybody'] = /^# (.+?) \(as ([^)]+)\)/.exec(query) ?? [];
      return { name, as, query };
    });
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
