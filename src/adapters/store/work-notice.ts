import type { InboxStore, TakeResult } from "../../ports/inbox-store.ts";
import type { AcceptResult, OperationStore } from "../../ports/operation-store.ts";

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
  return {
    ...queue,
    onWork: notice.onWork,
    accept: (operations) => telling(notice, queue.accept(operations), (results) => results.some(isNew)),
    settle: (settlements) =>
      telling(notice, queue.settle(settlements), () =>
        settlements.some(({ outcome }) => outcome.state === "ready" || outcome.state === "parked"),
      ),
    reap: (request) => telling(notice, queue.reap(request), ({ returned }) => returned > 0),
    wake: (lane, now, limit) => telling(notice, queue.wake(lane, now, limit), (woken) => woken > 0),
    pause: (lane, paused, now) => telling(notice, queue.pause(lane, paused, now), () => !paused),
  };
}

/** An inbox that tells when what it took has put operations into the queue. */
export function withInboxNotice(inbox: InboxStore, notice: WorkNotice): InboxStore {
  return { ...inbox, take: (events) => telling(notice, inbox.take(events), (results) => results.some(broughtWork)) };
}

/** Whether an event put operations into the queue. */
export function broughtWork(result: TakeResult): boolean {
  return result.state === "taken" && result.operations.some(isNew);
}

function isNew({ state }: AcceptResult): boolean {
  return state === "accepted";
}

async function telling<Result>(notice: WorkNotice, result: Promise<Result>, madeWork: (result: Result) => boolean): Promise<Result> {
  const value = await result;
  if (madeWork(value)) notice.tell();
  return value;
}
