import { randomUUID } from 'node:crypto';
import { WebSocket } from 'ws';
import { createWaygraphClient, type WaygraphClient } from '../../sdk/client.js';

/** What is needed of a running graph. */
interface Graph {
  url: string;
}
export interface GraphPerson {
  client: WaygraphClient;
  token: string;
}
export interface GraphDriver extends GraphPerson {
  driverId: string;
}
export interface Spot {
  lat: number;
  lng: number;
}

interface Answer<T> {
  data: T | null;
  errors?: { message: string; extensions: { code: string; details?: Record<string, unknown> } }[];
}

/** Any operation as this person, for those that have no saved one. */
export async function ask<T>(graph: Graph, token: string | null, query: string, variables: Record<string, unknown> = {}): Promise<Answer<T>> {
  const response = await fetch(`${graph.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) },
    body: JSON.stringify({ query, variables }),
  });
  return (await response.json()) as Answer<T>;
}

/** Somebody new with an account. Its client has to be closed by who asked for it. */
export async function newPerson(graph: Graph, role: 'CUSTOMER' | 'DRIVER'): Promise<GraphPerson> {
  const client = createWaygraphClient({ url: `${graph.url}/graphql`, webSocket: WebSocket });
  const { signUp } = await client.SignUp({ input: { email: `${randomUUID()}@example.test`, password: 'correct horse 1', name: `New ${role}`, role } });
  client.use(signUp);
  return { client, token: signUp.accessToken };
}

/** A new driver, registered and approved, who waits at this place. */
export async function newDriver(graph: Graph, adminToken: string, at: Spot, vehicleType = 'ECONOMY'): Promise<GraphDriver> {
  const person = await newPerson(graph, 'DRIVER');
  const input = { vehicleType, make: 'Kia', model: 'Rio', year: 2022, seats: 5, plate: randomUUID().slice(0, 8), licenceNumber: randomUUID().slice(0, 8) };
  const registered = await ask<{ registerDriver: { id: string } }>(
    graph,
    person.token,
    'mutation($input: RegisterDriverInput!) { registerDriver(input: $input) { id } }',
    { input },
  );
  const driverId = registered.data?.registerDriver.id;
  if (!driverId) throw new Error(JSON.stringify(registered.errors));
  await ask(graph, adminToken, 'mutation($id: ID!) { approveDriver(id: $id) { id } }', { id: driverId });
  await person.client.GoOnline({ at });
  return { ...person, driverId };
}

/** As many at a time as sign-ups, which cost a password hash each, are worth. */
export async function several<T>(count: number, make: (i: number) => Promise<T>, width = 8): Promise<T[]> {
  const made: T[] = [];
  let next = 0;
  const worker = async () => {
    for (let i = next; i < count; i = next) {
      next += 1;
      made[i] = await make(i);
    }
  };
  await Promise.all(Array.from({ length: Math.min(width, count) }, worker));
  return made;
}
