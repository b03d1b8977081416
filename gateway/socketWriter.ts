import type { ExecutionResult } from 'graphql';
import type { WebSocket } from 'ws';
import type { Subscriber } from './subscriptions.js';

/**
 * Writes a subscription's answers to a socket as `next` messages of graphql-transport-ws, one after the other: the next one when the socket has taken the one
 * before. To graphql-ws it is a stream without a single value, which only ends or fails: its own way for each message is some ten promises and a text of
 * its own, and with hundreds of watchers of one trip that is most of what a delivery costs.
 * @param textOf an answer in JSON
 * @param begin begins the subscription, once the stream is read; returns what ends it
 */
export function writtenTo(
  socket: WebSocket,
  id: string,
  textOf: (answer: ExecutionResult) => string,
  begin: (subscriber: Subscriber) => () => void,
): AsyncGenerator<ExecutionResult, undefined> {
  const head = `{"id":${JSON.stringify(id)},"type":"next","payload":`;
  const end = { value: undefined, done: true } as const;
  let over: Promise<typeof end> | null = null;
  let leave = () => {};
  let settle = () => {};

  const start = () =>
    new Promise<typeof end>((resolve, reject) => {
      settle = () => resolve(end);
      leave = begin({
        next(answer, taken) {
          // When a socket fails it is closed, and graphql-ws leaves the stream.
          socket.send(`${head}${textOf(answer)}}`, (error) => {
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
