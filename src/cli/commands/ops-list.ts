import { InvalidArgumentError, type Command } from "commander";
import { explainBecause } from "../../core/decision.ts";
import type { OperationFilter, OperationState, OperationView } from "../../ports/operation-store.ts";
import { withHoldfast, type StoreOptions } from "../open-store.ts";
import { oneLine, table } from "../output/text.ts";
import { readCount, readLabel, storeCommand } from "../store-command.ts";

const STATES: readonly OperationState[] = ["ready", "leased", "parked", "succeeded", "dead", "cancelled"];

interface ListOptions extends StoreOptions {
  readonly state?: OperationState;
  readonly api?: string;
  readonly endpoint?: string;
  readonly key?: string;
  readonly label?: Readonly<Record<string, string>>;
  readonly limit: number;
  readonly json?: true;
}

export function opsListCommand(): Command {
  return storeCommand("list")
    .description("operations, newest first")
    .option("--state <state>", STATES.join(", "), readState)
    .option("--api <name>", "of one API")
    .option("--endpoint <endpoint>", 'of one endpoint, such as "POST /contacts"')
    .option("--key <key>", "under this idempotency key")
    .option("--label <key=value>", "with this label; may be given again", readLabel)
    .option("--limit <count>", "at most so many", readCount, 50)
    .option("--json", "print JSON, one operation a line")
    .addHelpText("after", "\nExample:\n  $ holdfast ops list --store holdfast.db --state parked --label campaign=q4")
    .action(runList);
}

function readState(text: string): OperationState {
  const state = STATES.find((known) => known === text);
  if (state === undefined) throw new InvalidArgumentError(`Give one of ${STATES.join(", ")}.`);
  return state;
}

async function runList({ state, api, endpoint, key, label, limit, json, ...where }: ListOptions): Promise<void> {
  const filter: OperationFilter = {
    ...(state === undefined ? {} : { state }),
    ...(api === undefined ? {} : { api }),
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(key === undefined ? {} : { idempotencyKey: key }),
    ...(label === undefined ? {} : { labels: label }),
  };
  const { items, next } = await withHoldfast(where, "store", (hf) => hf.operations.list(filter, { limit }));
  if (json === true) {
    for (const view of items) console.log(JSON.stringify(summary(view)));
    return;
  }
  if (items.length === 0) {
    console.log(state === undefined ? "no operations" : `no ${state} operations`);
    return;
  }
  const columns = [
    { name: "id" },
    { name: "accepted" },
    { name: "state" },
    { name: "tries", align: "right" as const },
    { name: "what" },
    { name: "because" },
  ];
  process.stdout.write(table(columns, items.map(rowOf)));
  if (next !== null) console.log(`… more; raise --limit (now ${limit})`);
}

function rowOf({ operation, state, attempts, because, parkedUntil }: OperationView): string[] {
  const until = parkedUntil === undefined ? "" : `until ${new Date(parkedUntil).toISOString()}: `;
  return [
    operation.id,
    new Date(operation.acceptedAt).toISOString(),
    state,
    String(attempts.length),
    oneLine(`${operation.api} ${operation.endpoint}`, 60),
    because === undefined ? "" : oneLine(`${until}${explainBecause(because)}`, 100),
  ];
}

/** One line of the listing as data: all but bodies, answers and attempts, which `show` has. */
function summary({ operation, attempts, answer, ...standing }: OperationView): object {
  const { request, ...head } = operation;
  return {
    ...head,
    request: { method: request.method, url: request.url },
    ...standing,
    attempts: attempts.length,
    ...(answer === undefined ? {} : { status: answer.status }),
  };
}
