import type { OperationFilter, OperationView, WaitingOperation } from "../../../../ports/operation-store.ts";
import type { Page, PageRequest } from "../../../../ports/page.ts";
import { decodeCursor, encodeCursor, PAGE_BYTES, pageLimit } from "../../paging.ts";
import { toView, type Entry } from "./entry.ts";
import { keyName, type QueueState } from "./state.ts";

/** Operations that fit a filter, the last accepted first. */
export function list(queue: QueueState, filter: OperationFilter, page: PageRequest): Page<OperationView> {
  const limit = pageLimit(page);
  const [before] = decodeCursor<[number]>("operations", page, 1) ?? [Infinity];
  const accepts = matcher(filter);
  const items: OperationView[] = [];
  let bytes = 0;
  let last: Entry | undefined;
  for (const entry of candidates(queue, filter)) {
    if (entry.seq >= before || !accepts(entry)) continue;
    const weight = entry.operation.request.body?.byteLength ?? 0;
    if (last && (items.length === limit || bytes + weight > PAGE_BYTES)) return { items, next: encodeCursor("operations", [last.seq]) };
    items.push(toView(entry));
    bytes += weight;
    last = entry;
  }
  return { items, next: null };
}

/** A key names one at most: it is looked up, by every call that brings one. */
function candidates({ byId, byKey }: QueueState, { api, idempotencyKey }: OperationFilter): readonly Entry[] {
  if (api === undefined || idempotencyKey === undefined) return [...byId.values()].reverse();
  const found = byKey.get(keyName(api, idempotencyKey));
  return found === undefined ? [] : [found];
}

function matcher(filter: OperationFilter): (entry: Entry) => boolean {
  const labels = Object.entries(filter.labels ?? {});
  return ({ operation, standing }) =>
    (filter.api === undefined || operation.api === filter.api) &&
    (filter.endpoint === undefined || operation.endpoint === filter.endpoint) &&
    (filter.partition === undefined || operation.partition === filter.partition) &&
    (filter.flow === undefined || operation.flow === filter.flow) &&
    (filter.idempotencyKey === undefined || operation.idempotencyKey === filter.idempotencyKey) &&
    (filter.state === undefined || standing.state === filter.state) &&
    labels.every(([name, value]) => Object.hasOwn(operation.labels, name) && operation.labels[name] === value);
}

/** Operations that have not ended, the last accepted first, at most so many of each state. */
export function waiting(queue: QueueState, limit: number): readonly WaitingOperation[] {
  const left = { ready: limit, leased: limit, parked: limit };
  return [...queue.byId.values()].reverse().flatMap(({ operation, standing }): WaitingOperation[] => {
    const { state } = standing;
    if ((state !== "ready" && state !== "leased" && state !== "parked") || left[state] === 0) return [];
    left[state] -= 1;
    const { api, endpoint, partition, labels, acceptedAt } = operation;
    const because = state === "parked" ? standing.because : undefined;
    return [{ api, endpoint, partition, labels: { ...labels }, acceptedAt, state, ...(because === undefined ? {} : { because }) }];
  });
}
