/** Waits for work no longer than so many milliseconds. @throws Error when the time is over; the work goes on, and may still be done then */
export async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer in ${ms} ms`)), ms);
  });
  // The loser of the race may still fail later; nobody listens then.
  work.catch(() => {});
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}
