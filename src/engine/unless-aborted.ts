import { Leaving, type AbortListener, type CallerSignal } from "../ports/leaving.ts";

/** Waits for a promise, or rejects with the signal's reason as soon as it aborts. */
export function unlessAborted<Value>(promise: Promise<Value>, signal: CallerSignal | undefined): Promise<Value> {
  if (signal === undefined) return promise;
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason as Error);
    if (signal.aborted) {
      onAbort();
      promise.catch(() => undefined);
      return;
    }
    if (signal instanceof Leaving) {
      const listener: AbortListener = { onAborted: onAbort };
      signal.add(listener);
      promise.then(resolve, reject).finally(() => signal.remove(listener));
      return;
    }
    signal.addEventListener("abort", onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}
