import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** Redis behind a wall that falls when something asks to forget a vehicle: from then on nothing comes through. */
export async function redisUntilInvalidation(url: string): Promise<{ url: string; reached: Promise<void>; close(): void }> {
  const { port, hostname } = new URL(url);
  let say: () => void = () => {};
  const reached = new Promise<void>((resolve) => {
    say = resolve;
  });
  let down = false;
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(Number(port), hostname);
    for (const socket of [client, upstream]) sockets.add(socket.on('error', () => {}));
    client.on('data', (chunk: Buffer) => {
      if (chunk.includes(':version:availability:')) {
        down = true;
        say();
      }
      if (!down) upstream.write(chunk);
    });
    upstream.on('data', (chunk: Buffer) => !down && client.write(chunk));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address() as AddressInfo;
  const close = () => {
    for (const socket of sockets) socket.destroy();
    server.close();
  };
  return { url: `redis://127.0.0.1:${address.port}`, reached, close };
}
