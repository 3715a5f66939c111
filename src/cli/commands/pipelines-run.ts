import type { Command } from "commander";
import { systemClock } from "../../adapters/clock/system.ts";
import type { Holdfast } from "../../client/holdfast.ts";
import type { PipelineReport, RunManyOptions } from "../../durable/pipeline/pipeline.ts";
import { exitCodes } from "../exit-codes.ts";
import { withHoldfast, type StoreOptions } from "../open-store.ts";
import { readCount, storeCommand } from "../store-command.ts";

interface RunOptions extends StoreOptions {
  readonly file: string;
  readonly concurrency: number;
  readonly json?: true;
}

export function pipelinesRunCommand(): Command {
  return command("run")
    .description("take the subjects of a file through a pipeline of the config; runs that have ended are not done again")
    .requiredOption("--file <file>", "one subject a line (.jsonl: JSON, else text), or a row of a .csv")
    .addHelpText("after", "\nExample:\n  $ holdfast pipelines run lead --file leads.csv --concurrency 100")
    .action(async (name: string, { file, ...options }: RunOptions) => {
      const { countOf, subjectsOf } = await import("../pipelines/subjects.ts");
      const total = await countOf(subjectsOf(file));
      await many(options, total, (hf, manner) => hf.pipelines.open(name).runAll(subjectsOf(file), manner));
    });
}

export function pipelinesResumeCommand(): Command {
  return command("resume")
    .description("take up every run of a pipeline that has not ended")
    .addHelpText("after", "\nExample:\n  $ holdfast pipelines resume lead --config holdfast.config.ts")
    .action(async (name: string, options: Omit<RunOptions, "file">) => {
      await many(options, undefined, (hf, manner) => hf.pipelines.open(name).resume(manner));
    });
}

function command(name: string): Command {
  return storeCommand(name)
    .argument("<name>", "name of the pipeline, as in the config")
    .option("--concurrency <count>", "runs under way at once", readCount, 50)
    .option("--json", "print the result as JSON");
}

async function many(
  { concurrency, json, ...where }: Omit<RunOptions, "file">,
  total: number | undefined,
  work: (hf: Holdfast, manner: RunManyOptions) => Promise<PipelineReport>,
): Promise<void> {
  const { progressBar } = await import("../pipelines/progress-bar.ts");
  const bar = progressBar(process.stderr, total, systemClock);
  const report = await withHoldfast(
    where,
    "apis",
    async (hf) => await work(hf, { concurrency, onProgress: (progress) => bar.show(progress) }),
    { fresh: true },
  );
  bar.end();
  const { runs, succeeded, parked, failed } = report;
  const letters = parked === 0 ? "" : "; their dead letters: holdfast dlq list --label pipeline=…";
  if (json === true) console.log(JSON.stringify(report));
  else console.log(`${runs} runs: ${succeeded} succeeded, ${parked} wait for dead letters, ${failed} failed${letters}`);
  process.exitCode = exitCodes[parked + failed === 0 ? "ok" : "failed"].code;
}
