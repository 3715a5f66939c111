import type { OperationStore } from "../../ports/operation-store.ts";

/** Who wants to know when work may have become due. */
export class WorkNotice {
  readonly #listeners = new Set<() => void>();

  readonly onWork = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  tell(): void {
    for (const listener of this.#listeners) listener();
  }
}

/** Adds `onWork` to a queue: tells after each verb that may have made work due, once a batch. */
export function withNotice(queue: Omit<OperationStore, "onWork">, notice: WorkNotice): OperationStore {
  const telling = async <Result>(result: Promise<Result>, madeWork: (result: Result) => boolean): Promise<Result> => {
    const value = await result;
    if (madeWork(value)) notice.tell();
    return value;
  };
  return {
    ...queue,
    onWork: notice.onWork,
    accept: (operations) => telling(queue.accept(operations), (results) => results.some(({ state }) => state === "accepted")),
    settle: (settlements) =>
      telling(queue.settle(settlements), () => settlements.some(({ outcome }) => outcome.state === "ready" || outcome.state === "parked")),
    reap: (request) => telling(queue.reap(request), ({ returned }) => returned > 0),
    wake: (lane, now, limit) => telling(queue.wake(lane, now, limit), (woken) => woken > 0),
    pause: (lane, paused, now) => telling(queue.pause(lane, paused, now), () => !paused),
  };
}
