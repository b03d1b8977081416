import type { Socket } from 'node:net';
import type { ExecutionResult } from 'graphql';
import type { WebSocket } from 'ws';
import type { Subscriber } from './subscriptions.js';
import { textFrame } from './textFrame.js';

/** A WebSocket, and the connection that it was upgraded from. */
export interface WrittenSocket {
  socket: WebSocket;
  /** Nothing is compressed on it (`serveSockets` offers no extensions): frames of ours and of ws may follow each other in any order. */
  under: Socket;
}

const CLOSING_BRACE = Buffer.from('}');

/**
 * Writes a subscription's answers to a socket as `next` messages of graphql-transport-ws, one after the other: the next one when the socket has taken the one
 * before. To graphql-ws it is a stream without a single value, which only ends or fails: its own way for each message is some ten promises and a text of
 * its own, and with hundreds of watchers of one trip that is most of what a delivery costs. Nor does the message go by `send` of ws, which hands header and
 * text on as two writes and turns the text into bytes again for each watcher: that was half of what was left.
 * @param bytesOf an answer in JSON
 * @param begin begins the subscription, once the stream is read; returns what ends it
 */
export function writtenTo(
  { socket, under }: WrittenSocket,
  id: string,
  bytesOf: (answer: ExecutionResult) => Buffer,
  begin: (subscriber: Subscriber) => () => void,
): AsyncGenerator<ExecutionResult, undefined> {
  const head = Buffer.from(`{"id":${JSON.stringify(id)},"type":"next","payload":`);
  const end = { value: undefined, done: true } as const;
  let over: Promise<typeof end> | null = null;
  let leave = () => {};
  let settle = () => {};

  const start = () =>
    new Promise<typeof end>((resolve, reject) => {
      settle = () => resolve(end);
      leave = begin({
        next(answer, taken) {
          // A socket that is closed, by either side or by a failure, takes nothing more; graphql-ws hears of it and leaves the stream.
          if (socket.readyState !== socket.OPEN) return;
          under.write(textFrame([head, bytesOf(answer), CLOSING_BRACE]), (error) => {
            if (!error) taken();
          });
        },
        error: reject,
        complete: settle,
      });
    });

  const stream: AsyncGenerator<ExecutionResult, undefined> = {
    next: () => (over ??= start()),
    async return() {
      leave();
      settle();
      over ??= Promise.resolve(end);
      return end;
    },
    async throw(error) {
      await stream.return(undefined);
      throw error;
    },
    [Symbol.asyncIterator]: () => stream,
    [Symbol.asyncDispose]: async () => void (await stream.return(undefined)),
  };
  return stream;
}
