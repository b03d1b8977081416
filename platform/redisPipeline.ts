import type { ChainableCommander } from 'ioredis';

/** Answers of commands that were sent together, in their order. @throws what the first of them was refused with */
export async function answersOf(pipeline: ChainableCommander): Promise<unknown[]> {
  return ((await pipeline.exec()) ?? []).map(([error, answer]) => {
    if (error) throw error;
    return answer;
  });
}
