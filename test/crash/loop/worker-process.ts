/**
 * A program as its users write them: it enqueues what it is told to, works on the queue until that is empty, and says on stdout
 * what was accepted, each line as soon as it knows. It is made to die on the way. Argument: {@link Orders}, as JSON.
 */
import { writeSync } from "node:fs";
import type { ApiOptions } from "../../../src/api/api-options.ts";
import type { ReconcileAnswer } from "../../../src/api/reconcile.ts";
import { createHoldfast } from "../../../src/client/holdfast.ts";
import type { OperationStore } from "../../../src/ports/operation-store.ts";
import type { StoreFactory } from "../../../src/ports/store.ts";
import { openStore } from "./backend.ts";
import { ENDPOINTS, type Kind, type Orders, type Subject } from "./orders.ts";
import { STORE_VERBS, type CrashPoint, type Step, type Verb } from "./points.ts";

const orders = JSON.parse(process.argv[2] ?? "{}") as Orders;
const seen = new Map<CrashPoint, number>();

/** Written at once: what is said is said, whatever happens next. */
function say(...words: readonly string[]): void {
  writeSync(1, `${words.join(" ")}\n`);
}

/** Whether the process is to die at this point now. */
function isDue(point: CrashPoint, about: unknown): boolean {
  const { crash } = orders;
  if (crash?.point !== point) return false;
  if (crash.subject !== undefined && !(typeof about === "string" ? about : JSON.stringify(about)).includes(crash.subject)) return false;
  const count = (seen.get(point) ?? 0) + 1;
  seen.set(point, count);
  return count === crash.nth;
}

function die(point: CrashPoint): void {
  say("point", point);
  process.kill(process.pid, orders.crash?.signal ?? "SIGKILL");
}

/** A step with its three points. */
async function step<Result>(name: Step, about: unknown, work: () => Promise<Result>): Promise<Result> {
  if (isDue(`${name}:before`, about)) die(`${name}:before`);
  const working = work();
  // In mid-work: in the same millisecond as its write, most often.
  if (isDue(`${name}:during`, about)) setTimeout(() => die(`${name}:during`), Math.random() * 2);
  const result = await working;
  if (isDue(`${name}:after`, about)) die(`${name}:after`);
  return result;
}

function crashing(store: OperationStore): OperationStore {
  const verbs: Partial<Record<Verb, unknown>> = {};
  for (const name of STORE_VERBS) {
    const verb = store[name].bind(store) as (...args: readonly unknown[]) => Promise<unknown>;
    verbs[name] = (...args: readonly unknown[]) => step(name, args, () => verb(...args));
  }
  return { ...store, ...(verbs as Pick<OperationStore, Verb>) };
}

function broken(store: OperationStore): OperationStore {
  switch (orders.broken) {
    case "resend":
      return {
        ...store,
        claim: async (request) => (await store.claim(request)).map((claimed) => ({ ...claimed, inDoubt: false })),
      };
    case "unfenced":
      return {
        ...store,
        settle: async (settlements) =>
          await Promise.all(
            settlements.map(async (settlement) => {
              const claim = (await store.get(settlement.id))?.claim ?? settlement.claim;
              return (await store.settle([{ ...settlement, claim }]))[0] ?? "stale";
            }),
          ),
      };
    case "early-ack":
    case undefined:
      return store;
    default:
      throw new TypeError(`no fault is called ${String(orders.broken)}`);
  }
}

const open: StoreFactory = async () => {
  const store = await openStore(orders.store)();
  return { ...store, operations: crashing(broken(store.operations as OperationStore)) };
};

const common: ApiOptions = {
  baseUrl: orders.api,
  timeout: { attempt: "800ms" },
  retry: { maxAttempts: 100, backoff: { base: "20ms", cap: "200ms" } },
  retryBudget: false,
  breaker: { minimumCalls: 10, openFor: "200ms", maxOpenFor: "400ms" },
};

/** Looks an order up by its number, which is its subject. */
async function lookUp({ body }: { readonly body: string | undefined }): Promise<ReconcileAnswer> {
  return await step("reconcile", body, async () => {
    const { subject } = JSON.parse(body ?? "{}") as { readonly subject: string };
    const response = await fetch(`${orders.api}/orders?subject=${encodeURIComponent(subject)}`);
    if (!response.ok) throw new Error(`the look-up answered ${response.status}`);
    const { items } = (await response.json()) as { readonly items: readonly unknown[] };
    return items.length > 0 ? { happened: true } : { happened: false };
  });
}

const hf = await createHoldfast({
  apis: {
    keyed: { ...common, idempotency: {} },
    blind: common,
    asked: { ...common, endpoints: { [ENDPOINTS.asked]: { reconcile: lookUp } } },
  } satisfies Record<Kind, ApiOptions>,
  store: open,
  worker: { lease: "1s", pollEvery: "50ms", laneConcurrency: 10, poisonAfter: orders.poisonAfter ?? 1_000 },
  transport: (input, init) => step("send", new TextDecoder().decode(init.body as Uint8Array), () => fetch(input, init)),
});

let told = false;
process.once("SIGTERM", () => {
  told = true;
  void hf.close({ grace: "300ms" }).then(() => {
    say("closed");
    process.exit(0);
  });
});

say("ready");
hf.work();
try {
  for (let index = 0; index < orders.subjects.length; index += 20) await Promise.all(orders.subjects.slice(index, index + 20).map(enqueue));
  await drained();
  say("drained");
  await hf.close();
} catch (error) {
  // What comes after the SIGTERM is refused, and rightly so.
  if (!told) throw error;
}

async function enqueue({ kind, subject }: Subject): Promise<void> {
  if (orders.broken === "early-ack") say("accepted", subject);
  await hf.enqueue(kind, ENDPOINTS[kind], { json: { subject }, key: subject });
  say("accepted", subject);
}

async function drained(): Promise<void> {
  for (;;) {
    const { ready, leased, parked } = await hf.operations.stats();
    if (ready + leased + parked === 0) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
