import { defineConfig } from 'drizzle-kit';

// One set of migrations per subgraph: SUBGRAPH=fleet drizzle-kit generate. `npm run migrations` goes through all of them.
const subgraph = process.env.SUBGRAPH;
if (!subgraph) throw new Error('SUBGRAPH names whose migrations these are');

export default defineConfig({
  dialect: 'postgresql',
  // Tables of a part that is large enough for a file of its own are in `<part>Tables.ts` beside `tables.ts`.
  schema: ['./platform/tables.ts', `./subgraphs/${subgraph}/{tables,*Tables}.ts`],
  out: process.env.MIGRATIONS_OUT ?? `./migrations/${subgraph}`,
});
