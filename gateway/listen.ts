import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Something else listens on the port that we were given. */
export class PortTakenError extends Error {
  override name = 'PortTakenError';

  constructor(port: number, option: string) {
    const other = port === 65_535 ? 4000 : port + 1;
    super(`Port ${port} is taken by another program. Stop that program, or choose another port with ${option}${other}.`);
  }
}

/** Milliseconds for which an idle client connection stays open: longer than a usual load balancer's, or it would use one just closed. */
const KEEP_ALIVE_MS = 75_000;

export interface Listening {
  server: Server;
  port: number;
  /** Stops accepting, waits for running requests for so many ms, then cuts off what is left. */
  drain(drainMs: number): Promise<void>;
}

/** Listens on the port; 0 takes any free one. `option` is how the port is chosen, for the message. @throws PortTakenError */
export async function listen(handler: RequestListener, port: number, host: string | undefined, option = 'PORT='): Promise<Listening> {
  const server = createServer({ keepAliveTimeout: KEEP_ALIVE_MS }, handler);
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(error.code === 'EADDRINUSE' ? new PortTakenError(port, option) : error));
    server.listen(port, host, resolve);
  });
  return {
    server,
    port: (server.address() as AddressInfo).port,
    async drain(drainMs) {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      // A connection whose request has just been answered is idle from then on, and would be kept open until its time-out.
      const idle = setInterval(() => server.closeIdleConnections(), 50);
      const cut = setTimeout(() => server.closeAllConnections(), drainMs);
      await closed;
      clearInterval(idle);
      clearTimeout(cut);
    },
  };
}
