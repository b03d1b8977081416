import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { textFrame } from './textFrame.js';

describe('GW-10: frames of text', () => {
  const server = createServer();
  const sockets = new WebSocketServer({ server, perMessageDeflate: false });
  let client: WebSocket;
  let serverSide: { socket: WebSocket; under: NodeJS.WritableStream };

  beforeAll(async () => {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    client = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`);
    const [[socket, request]] = await Promise.all([once(sockets, 'connection'), once(client, 'open')]);
    serverSide = { socket, under: request.socket };
  });
  afterAll(async () => {
    client.terminate();
    sockets.close();
    server.close();
    await once(server, 'close');
  });

  const received = async (count: number): Promise<string[]> => {
    const messages: string[] = [];
    await new Promise<void>((resolve) => {
      const listen = (data: unknown, isBinary: boolean) => {
        messages.push(isBinary ? '(binary)' : String(data));
        if (messages.length < count) return;
        client.off('message', listen);
        resolve();
      };
      client.on('message', listen);
    });
    return messages;
  };

  it.each([0, 1, 125, 126, 127, 65_535, 65_536, 3_000_000])('of %i bytes arrive whole at a client that knows only the standard', async (length) => {
    const text = 'x'.repeat(length);
    const arrived = received(1);
    serverSide.under.write(textFrame([Buffer.from(text)]));
    expect((await arrived)[0] === text).toBe(true);
  });

  it('hold what is in all their parts, wherever they are cut', async () => {
    const text = '{"name":"شارع التحرير 🚕 é"}';
    const bytes = Buffer.from(text);
    const arrived = received(bytes.length);
    for (let cut = 0; cut < bytes.length; cut += 1) serverSide.under.write(textFrame([bytes.subarray(0, cut), bytes.subarray(cut)]));
    expect(new Set(await arrived)).toEqual(new Set([text]));
  });

  it('keep their place among those that ws sends itself', async () => {
    const wanted = Array.from({ length: 200 }, (_, n) => `${n}${'.'.repeat(n * 7)}`);
    const arrived = received(wanted.length);
    for (const [n, text] of wanted.entries()) {
      if (n % 3 === 0) serverSide.socket.send(text);
      else serverSide.under.write(textFrame([Buffer.from(text)]));
      if (n % 20 === 0) serverSide.socket.ping();
    }
    expect(await arrived).toEqual(wanted);
  });
});
