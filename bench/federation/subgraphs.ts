import { buildSubgraphSchema } from '@apollo/subgraph';
import { execute, parse } from 'graphql';
import { serveTexts } from './textServer.js';

// The four subgraphs that federation gateways are commonly measured over. Each answer is computed once and then read from memory, so that
// the gateway is what is measured. Counts the requests that it gets.

const PRODUCT = 'inStock name price shippingEstimate upc weight';
const REVIEW = `id body author { id username name reviews { id body product { ${PRODUCT} } } }`;

/** What is measured: nested lists over all four subgraphs, about 88 kB; and a little, in three fetches. */
export const OPERATIONS: Record<string, string> = {
  big: `query Big { users { id username name reviews { id body product { ${PRODUCT} reviews { ${REVIEW} } } } }
    topProducts(first: 5) { ${PRODUCT} reviews { ${REVIEW} } } }`,
  small: 'query Small { me { id name reviews { id body product { name inStock } } } }',
};

interface User {
  id: string;
  name: string;
  username: string;
}
const users: User[] = ['Uri', 'Dotan', 'Kamil', 'Yassin', 'Saihaj', 'Laurin'].map((name, index) => ({
  id: `${index + 1}`,
  name: `${name} of the bench`,
  username: name.toLowerCase(),
}));
const products = Array.from({ length: 9 }, (_, index) => ({
  upc: `${index + 1}`,
  name: `Product number ${index + 1}`,
  price: 100 * (index + 1),
  weight: 50 * (index + 1),
}));
const reviews = Array.from({ length: 21 }, (_, index) => ({
  id: `${index + 1}`,
  body: `Review ${index + 1}: it is what it says, no more and no less.`,
  authorId: `${(index % 6) + 1}`,
  upc: `${(index % 5) + 1}`,
}));
type Source = Record<string, unknown>;
const reviewOf = ({ id, body, authorId, upc }: (typeof reviews)[number]) => ({ id, body, author: { id: authorId }, product: { upc } });

const LINK = 'extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@key", "@external", "@requires", "@shareable"])';
export const SDL: Record<string, string> = {
  accounts: `${LINK} type Query { me: User user(id: ID!): User users: [User] } type User @key(fields: "id") { id: ID! name: String username: String @shareable }`,
  inventory: `${LINK} type Product @key(fields: "upc") { upc: String! weight: Int @external price: Int @external inStock: Boolean shippingEstimate: Int @requires(fields: "price weight") }`,
  products: `${LINK} type Query { topProducts(first: Int = 5): [Product] } type Product @key(fields: "upc") { upc: String! name: String price: Int weight: Int }`,
  reviews: `${LINK} type Review @key(fields: "id") { id: ID! body: String author: User product: Product }
    type User @key(fields: "id") { id: ID! username: String @shareable reviews: [Review] } type Product @key(fields: "upc") { upc: String! reviews: [Review] }`,
};
const userOf = (id: unknown) => users.find((user) => user.id === id);
const resolvers: Record<string, object> = {
  accounts: {
    Query: { me: () => users[0], users: () => users, user: (_: unknown, { id }: { id: string }) => userOf(id) },
    User: { __resolveReference: async ({ id }: Source) => userOf(id) },
  },
  inventory: {
    Product: {
      __resolveReference: async (product: Source) => product,
      inStock: ({ upc }: Source) => Number(upc) % 3 !== 0,
      shippingEstimate: ({ price, weight }: Source) => (Number(price) > 1_000 ? 0 : Math.round(Number(weight) / 2)),
    },
  },
  products: {
    Query: { topProducts: (_: unknown, { first }: { first: number }) => products.slice(0, first) },
    Product: { __resolveReference: async ({ upc }: Source) => products.find((product) => product.upc === upc) },
  },
  reviews: {
    Review: { __resolveReference: async ({ id }: Source) => reviews.filter((review) => review.id === id).map(reviewOf)[0] },
    User: {
      __resolveReference: async ({ id }: Source) => ({ id }),
      username: ({ id }: Source) => userOf(id)?.username,
      reviews: ({ id }: Source) => reviews.filter(({ authorId }) => authorId === id).map(reviewOf),
    },
    Product: {
      __resolveReference: async ({ upc }: Source) => ({ upc }),
      reviews: (source: Source) => reviews.filter(({ upc }) => upc === source.upc).map(reviewOf),
    },
  },
};

/** Serves them all from this process. @returns their ports by name */
async function serve(): Promise<Record<string, number>> {
  const ports: Record<string, number> = {};
  for (const [name, sdl] of Object.entries(SDL)) {
    const schema = buildSubgraphSchema({ typeDefs: parse(sdl), resolvers: resolvers[name] as never });
    const answer = async (body: string) => {
      const { query, variables } = JSON.parse(body) as { query: string; variables?: Record<string, unknown> };
      return JSON.stringify(await execute({ schema, document: parse(query), variableValues: variables }));
    };
    ports[name] = await serveTexts(answer, () => {
      counted += 1;
    });
  }
  return ports;
}

let counted = 0;
if (process.send) {
  process.on('message', () => process.send?.({ counted }));
  serve().then((ports) => process.send?.({ ports }));
}
