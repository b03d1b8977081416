import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';
import { clockMs } from './graph.js';

// What a delivery costs in Node on this machine with nothing behind it: a server of `ws` that keeps the watchers of each trip in a list and sends them the
// same text that the gateway sends. No graph, no joins, no signing in, no bound on what waits for a slow reader.

const watchers = new Map<string, Set<WebSocket>>();
const update = (tripId: string, kind: string, sentAt: number) => {
  const trip = { id: tripId, status: 'STARTED', car: { make: 'Toyota', plate: 'ABC 123' } };
  return JSON.stringify({ id: '1', type: 'next', payload: { data: { tripUpdates: { sequence: 1, kind, sentAt, lat: 30.0444, lng: 31.2357, trip } } } });
};

const server = createServer((_, response) => {
  const { user, system } = process.cpuUsage();
  response.end(
    `process_cpu_seconds_total ${(user + system) / 1e6}\nprocess_resident_memory_bytes ${process.memoryUsage.rss()}\nwaygraph_upstream_subscriptions 0\n`,
  );
});
new WebSocketServer({ server, perMessageDeflate: false }).on('connection', (socket) => {
  socket.on('message', (data) => {
    const message = JSON.parse(String(data)) as { type: string; payload?: { variables: { trip: string } } };
    if (message.type === 'connection_init') socket.send('{"type":"connection_ack"}');
    if (message.type === 'ping') socket.send('{"type":"pong"}');
    if (message.type !== 'subscribe' || !message.payload) return;
    const { trip } = message.payload.variables;
    const ofTrip = watchers.get(trip) ?? new Set();
    watchers.set(trip, ofTrip.add(socket));
    socket.once('close', () => ofTrip.delete(socket));
    socket.send(update(trip, 'SNAPSHOT', 0));
  });
});
server.listen(0, () => process.send?.({ ports: [(server.address() as AddressInfo).port] }));
process.on('message', ({ move }: { move: string }) => {
  const text = update(move, 'POSITION', clockMs());
  for (const socket of watchers.get(move) ?? []) socket.send(text);
});
process.on('disconnect', () => process.exit(0));
