import { InvalidArgumentError, type Command } from "commander";
import type { RunFilter, RunState, RunView } from "../../ports/step-store.ts";
import { withHoldfast, type StoreOptions } from "../open-store.ts";
import { oneLine, table } from "../output/text.ts";
import { readCount, storeCommand } from "../store-command.ts";

const STATES: readonly RunState[] = ["open", "succeeded", "failed"];

interface ListOptions extends StoreOptions {
  readonly pipeline?: string;
  readonly subject?: string;
  readonly state?: RunState;
  readonly limit: number;
  readonly json?: true;
}

export function pipelinesListCommand(): Command {
  return storeCommand("list")
    .description("runs, the last opened first")
    .option("--pipeline <name>", "of one pipeline")
    .option("--subject <subject>", "of one subject")
    .option("--state <state>", STATES.join(", "), readState)
    .option("--limit <count>", "at most so many", readCount, 50)
    .option("--json", "print JSON, one run a line")
    .addHelpText("after", "\nExample:\n  $ holdfast pipelines list --store holdfast.db --state open")
    .action(runList);
}

function readState(text: string): RunState {
  const state = STATES.find((known) => known === text);
  if (state === undefined) throw new InvalidArgumentError(`Give one of ${STATES.join(", ")}.`);
  return state;
}

async function runList({ pipeline, subject, state, limit, json, ...where }: ListOptions): Promise<void> {
  const filter: RunFilter = {
    ...(pipeline === undefined ? {} : { pipeline }),
    ...(subject === undefined ? {} : { subject }),
    ...(state === undefined ? {} : { state }),
  };
  const { items, next } = await withHoldfast(where, "store", (hf) => hf.pipelines.list(filter, { limit }));
  if (json === true) {
    for (const view of items) console.log(JSON.stringify(view));
    return;
  }
  if (items.length === 0) {
    console.log("no runs");
    return;
  }
  const columns = [{ name: "run" }, { name: "opened" }, { name: "version" }, { name: "state" }, { name: "steps" }];
  process.stdout.write(table(columns, items.map(cellsOf)));
  if (next !== null) console.log("there are more; raise --limit");
}

function cellsOf({ id, openedAt, version, state, steps }: RunView): readonly string[] {
  const shown = steps.map(({ step, state: how }) => (how === "done" ? step : `${step} (${how})`)).join(", ");
  return [oneLine(id, 60), new Date(openedAt).toISOString(), version, state, oneLine(shown, 100)];
}
