import type { Command } from "commander";
import { explainBecause } from "../../core/decision.ts";
import { withHoldfast, type StoreOptions } from "../open-store.ts";
import { oneLine, table } from "../output/text.ts";
import { storeCommand } from "../store-command.ts";

export function pipelinesShowCommand(): Command {
  return storeCommand("show")
    .description("one run: each step, what it gave, and the dead letters that it waits for")
    .argument("<run>", "id of the run, such as lead/42")
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  $ holdfast pipelines show lead/42 --store holdfast.db")
    .action(runShow);
}

async function runShow(run: string, { json, ...where }: StoreOptions & { readonly json?: true }): Promise<void> {
  const view = await withHoldfast(where, "store", (hf) => hf.pipelines.get(run));
  if (json === true) {
    console.log(JSON.stringify(view));
    return;
  }
  const { id, pipeline, version, state, openedAt, endedAt, input, steps } = view;
  const ended = endedAt === undefined ? "" : `, ended ${new Date(endedAt).toISOString()}`;
  console.log(`${oneLine(id)}: ${state}; ${pipeline} version ${version}, opened ${new Date(openedAt).toISOString()}${ended}`);
  console.log(`input ${oneLine(input, 200)}\n`);
  const rows = steps.map(({ step, state: how, result, because, operation }) => {
    const letter = how === "done" || operation === undefined ? "" : `dead letter ${operation}: `;
    const what = how === "done" ? (result ?? "") : `${letter}${because === undefined ? "" : explainBecause(because)}`;
    return [step, how, oneLine(what, 160)];
  });
  process.stdout.write(table([{ name: "step" }, { name: "state" }, { name: "what" }], rows));
}
