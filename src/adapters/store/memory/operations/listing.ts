import type { OperationFilter, OperationView } from "../../../../ports/operation-store.ts";
import type { Page, PageRequest } from "../../../../ports/page.ts";
import { decodeCursor, encodeCursor, PAGE_BYTES, pageLimit } from "../../paging.ts";
import { toView, type Entry } from "./entry.ts";
import type { QueueState } from "./state.ts";

/** Operations that fit a filter, the last accepted first. */
export function list(queue: QueueState, filter: OperationFilter, page: PageRequest): Page<OperationView> {
  const limit = pageLimit(page);
  const [before] = decodeCursor<[number]>("operations", page, 1) ?? [Infinity];
  const accepts = matcher(filter);
  const items: OperationView[] = [];
  let bytes = 0;
  let last: Entry | undefined;
  for (const entry of [...queue.byId.values()].reverse()) {
    if (entry.seq >= before || !accepts(entry)) continue;
    const weight = entry.operation.request.body?.byteLength ?? 0;
    if (last && (items.length === limit || bytes + weight > PAGE_BYTES)) return { items, next: encodeCursor("operations", [last.seq]) };
    items.push(toView(entry));
    bytes += weight;
    last = entry;
  }
  return { items, next: null };
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
