import { InvalidArgumentError, type Command } from "commander";
import { explainBecause } from "../../core/decision.ts";
import type { OperationState } from "../../ports/operation-store.ts";
import type { OperationLine } from "../desk/answers.ts";
import { withDesk, type DeskOptions } from "../desk/desk.ts";
import { oneLine, table } from "../output/text.ts";
import { readCount, readLabel, deskCommand } from "../store-command.ts";

const STATES: readonly OperationState[] = ["ready", "leased", "parked", "succeeded", "dead", "cancelled"];

interface ListOptions extends DeskOptions {
  readonly state?: OperationState;
  readonly api?: string;
  readonly endpoint?: string;
  readonly key?: string;
  readonly label?: Readonly<Record<string, string>>;
  readonly limit: number;
  readonly json?: true;
}

export function opsListCommand(): Command {
  return deskCommand("list")
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

async function runList({ state, api, endpoint, key, label = {}, limit, json, ...where }: ListOptions): Promise<void> {
  const labels = Object.entries(label).map(([name, value]) => [`label.${name}`, value] as const);
  const query = { state, api, endpoint, key, ...Object.fromEntries(labels) };
  const { items, more } = await withDesk(where, "store", (desk) => desk.list<OperationLine>("/v1/operations", query, limit));
  if (json === true) {
    for (const line of items) console.log(JSON.stringify(line));
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
  if (more) console.log(`… more; raise --limit (now ${limit})`);
}

function rowOf({ id, api, endpoint, acceptedAt, state, attempts, because, parkedUntil }: OperationLine): string[] {
  const until = parkedUntil === undefined ? "" : `until ${new Date(parkedUntil).toISOString()}: `;
  return [
    id,
    new Date(acceptedAt).toISOString(),
    state,
    String(attempts),
    oneLine(`${api} ${endpoint}`, 60),
    because === undefined ? "" : oneLine(`${until}${explainBecause(because)}`, 100),
  ];
}
