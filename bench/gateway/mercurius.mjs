import mercuriusGateway from '@mercuriusjs/gateway';
import Fastify from 'fastify';

// Mercurius' gateway with jit. It speaks Federation 1, so it gets the same subgraphs described in that way.

const urls = JSON.parse(process.argv[4]);
const SCHEMAS = {
  accounts: 'extend type Query { me: User user(id: ID!): User users: [User] } type User @key(fields: "id") { id: ID! name: String username: String }',
  products:
    'extend type Query { topProducts(first: Int = 5): [Product] } type Product @key(fields: "upc") { upc: String! name: String price: Int weight: Int }',
  inventory:
    'extend type Product @key(fields: "upc") { upc: String! @external weight: Int @external price: Int @external inStock: Boolean shippingEstimate: Int @requires(fields: "price weight") }',
  reviews:
    'type Review @key(fields: "id") { id: ID! body: String author: User product: Product } extend type User @key(fields: "id") { id: ID! @external reviews: [Review] } extend type Product @key(fields: "upc") { upc: String! @external reviews: [Review] }',
};
const app = Fastify();
app.register(mercuriusGateway, {
  path: '/graphql',
  jit: 1,
  gateway: { services: Object.entries(SCHEMAS).map(([name, schema]) => ({ name, url: urls[name], schema, keepAlive: 30_000, connections: 128 })) },
});
process.on('message', () => process.send({ cpu: process.cpuUsage(), rss: process.memoryUsage.rss() }));
await app.listen({ port: 0, host: '127.0.0.1' });
process.send({ port: app.server.address().port });
process.on('disconnect', () => process.exit());
