import { defineConfig } from 'drizzle-kit';

// One set of migrations per subgraph: SUBGRAPH=fleet drizzle-kit generate. `npm run migrations` goes through all of them.
const subgraph = process.env.SUBGRAPH;
if (!subgraph) throw new Error('SUBGRAPH names whose migrations these are');

export default defineConfig({
  dialect: 'postgresql',
  schema: ['./platform/tables.ts', `./subgraphs/${subgraph}/tables.ts`],
  out: process.env.MIGRATIONS_OUT ?? `./migrations/${subgraph}`,
});
