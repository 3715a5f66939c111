import { accepting } from "./operations/accepting.ts";
import { cancelling } from "./operations/cancelling.ts";
import { claiming } from "./operations/claiming.ts";
import { keeping } from "./operations/keeping.ts";
import { lanes } from "./operations/lanes.ts";
import { leases } from "./operations/leases.ts";
import { reading } from "./operations/reading.ts";
import { settling } from "./operations/settling.ts";
import type { Suite } from "./suite.ts";

/** What the contract says of the durable queue. */
export function operationRules(suite: Suite): void {
  for (const rules of [accepting, claiming, settling, leases, lanes, cancelling, reading, keeping]) rules(suite);
}
