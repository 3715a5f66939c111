import type { PipelineProgress } from "../../durable/pipeline/pipeline.ts";
import type { Clock } from "../../ports/clock.ts";
import { grouped, padEnd } from "../output/text.ts";

/** What a bar writes to: stderr, so that stdout is the result's alone. */
export interface Terminal {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

/** Shows progress as often as it is told of. */
export interface ProgressBar {
  show(progress: PipelineProgress): void;
  end(): void;
}

const DRAW_EVERY_MS = 100;
const LINE_EVERY_MS = 2_000;
const WIDTH = 30;

/** A bar for each step on a terminal, drawn over itself; elsewhere now and then a line. `total` is undefined where nobody knows. */
export function progressBar(terminal: Terminal, total: number | undefined, clock: Clock): ProgressBar {
  const everyMs = terminal.isTTY === true ? DRAW_EVERY_MS : LINE_EVERY_MS;
  let lastAt = Number.NEGATIVE_INFINITY;
  let drawn = 0;
  let latest: PipelineProgress | undefined;
  const draw = (progress: PipelineProgress): void => {
    const rows = terminal.isTTY === true ? barsOf(progress, total, terminal.columns ?? 80) : [lineOf(progress, total)];
    const up = drawn > 0 ? `\u001B[${drawn}A` : "";
    terminal.write(
      terminal.isTTY === true ? `${up}${rows.map((row) => `${row}\u001B[K\n`).join("")}` : rows.map((row) => `${row}\n`).join(""),
    );
    drawn = terminal.isTTY === true ? rows.length : 0;
  };
  return {
    show(progress) {
      latest = progress;
      const now = clock.monotonic();
      if (now - lastAt < everyMs) return;
      lastAt = now;
      draw(progress);
    },
    end() {
      if (latest !== undefined) draw(latest);
    },
  };
}

function barsOf(progress: PipelineProgress, total: number | undefined, columns: number): readonly string[] {
  const names = Object.keys(progress.steps);
  const longest = Math.max(...names.map((name) => name.length));
  const of = Math.max(1, total ?? progress.runs);
  const rows = names.map((name) => {
    const done = progress.steps[name] ?? 0;
    const full = Math.min(WIDTH, Math.floor((done / of) * WIDTH));
    return `${padEnd(name, longest)} ${"█".repeat(full)}${"░".repeat(WIDTH - full)} ${grouped(done)}/${grouped(of)}`;
  });
  return [...rows, endsOf(progress)].map((row) => row.slice(0, columns - 1));
}

function lineOf(progress: PipelineProgress, total: number | undefined): string {
  const steps = Object.entries(progress.steps).map(([name, done]) => `${name} ${done}`);
  return `${steps.join("  ")}  of ${total ?? progress.runs}  (${endsOf(progress)})`;
}

function endsOf({ succeeded, parked, failed, busy }: PipelineProgress): string {
  const parts = [
    `${grouped(succeeded)} succeeded`,
    ...(parked > 0 ? [`${grouped(parked)} wait for dead letters`] : []),
    ...(failed > 0 ? [`${grouped(failed)} failed`] : []),
    ...(busy > 0 ? [`${grouped(busy)} wait for other processes`] : []),
  ];
  return parts.join(", ");
}
