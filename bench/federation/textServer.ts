import { type AddressInfo, createServer } from 'node:net';

const HEAD_END = '\r\n\r\n';

/**
 * Serves texts over HTTP/1.1 with as little work as there can be, so that what asks is measured and not this: `answer` is asked once for each body, and
 * what it says is kept as bytes. @returns the port on 127.0.0.1
 */
export async function serveTexts(answer: (body: string) => Promise<string>, counted: () => void): Promise<number> {
  const answers = new Map<string, Buffer>();
  const bytesFor = async (body: string) => {
    const text = await answer(body);
    // Longer than the pause between two rounds of one gateway, or its sockets are closed just as it uses them again.
    const head = `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nkeep-alive: timeout=300\r\ncontent-length: ${Buffer.byteLength(text)}\r\n\r\n`;
    const bytes = Buffer.from(head + text);
    answers.set(body, bytes);
    return bytes;
  };
  const server = createServer({ noDelay: true }, (socket) => {
    let pending: Buffer = Buffer.alloc(0);
    // Answers leave in the order of their questions.
    let last: Promise<unknown> | null = null;
    socket.on('error', () => socket.destroy());
    socket.on('data', (chunk) => {
      pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
      for (let request = nextRequest(pending); request; request = nextRequest(pending)) {
        pending = pending.subarray(request.bytes);
        counted();
        const { body } = request;
        const known = answers.get(body);
        if (known && !last) socket.write(known);
        else {
          const sent: Promise<unknown> = (last ?? Promise.resolve())
            .then(() => answers.get(body) ?? bytesFor(body))
            .then((bytes) => socket.write(bytes))
            .finally(() => {
              if (last === sent) last = null;
            });
          last = sent;
        }
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

/** The first request of these bytes, once it is whole: with a length, or in chunks as some clients send them. */
function nextRequest(bytes: Buffer): { body: string; bytes: number } | null {
  const end = bytes.indexOf(HEAD_END);
  if (end < 0) return null;
  const head = bytes.toString('latin1', 0, end);
  const from = end + HEAD_END.length;
  if (/^transfer-encoding:\s*chunked/im.test(head)) return chunkedRequest(bytes, from);
  const length = Number(/^content-length:\s*(\d+)/im.exec(head)?.[1] ?? 0);
  return bytes.length < from + length ? null : { body: bytes.toString('utf8', from, from + length), bytes: from + length };
}

function chunkedRequest(bytes: Buffer, from: number): { body: string; bytes: number } | null {
  const parts: Buffer[] = [];
  for (let at = from; ; ) {
    const lineEnd = bytes.indexOf('\r\n', at);
    if (lineEnd < 0) return null;
    const size = Number.parseInt(bytes.toString('latin1', at, lineEnd), 16);
    const next = lineEnd + 2 + size + 2;
    if (bytes.length < next) return null;
    if (size === 0) return { body: Buffer.concat(parts).toString(), bytes: next };
    parts.push(bytes.subarray(lineEnd + 2, lineEnd + 2 + size));
    at = next;
  }
}
