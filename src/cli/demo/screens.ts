import { systemClock } from "../../adapters/clock/system.ts";
import { padEnd, padStart } from "../output/text.ts";
import type { ApiProgress, Progress, Screen } from "./progress.ts";
import { API_NAMES } from "./weather.ts";

/** What a screen writes to: stderr, so that stdout is the result's alone. */
export interface Terminal {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

export function screenFor(terminal: Terminal): Screen {
  return terminal.isTTY === true ? bars(terminal) : lines(terminal);
}

const LINE_EVERY_MS = 2_000;

/** For logs and pipes: now and then a line. */
function lines(terminal: Terminal): Screen {
  let lastAt = Number.NEGATIVE_INFINITY;
  return {
    note: (text) => terminal.write(`${text}\n`),
    show(progress, toldMs) {
      const now = systemClock.monotonic();
      if (now - lastAt < LINE_EVERY_MS) return;
      lastAt = now;
      const apis = API_NAMES.map((name) => {
        const { passed, breaker, waiting } = progress.apis[name];
        return `${name} ${passed}${breaker === "open" || breaker === "half-open" ? ` (breaker ${breaker}, ${waiting} wait)` : ""}`;
      });
      terminal.write(`${clockText(toldMs)}  ${apis.join("  ")}  of ${progress.leads}${asides(progress)}\n`);
    },
    end: () => undefined,
  };
}

const SHOW_EVERY_MS = 100;

/** For people: one bar for each API, drawn over itself. */
function bars(terminal: Terminal): Screen {
  let drawn = 0;
  let lastAt = Number.NEGATIVE_INFINITY;
  let last: readonly string[] = [];
  /** In one write, and each line over the old one: a screen that is wiped first flickers. */
  const draw = (rows: readonly string[], note?: string): void => {
    const up = drawn > 0 ? `\u001B[${drawn}A` : "";
    const lines = [...(note === undefined ? [] : [note]), ...rows].map((row) => `${row}\u001B[K\n`);
    terminal.write(`${up}${lines.join("")}\u001B[J`);
    drawn = rows.length;
  };
  return {
    note: (text) => draw(last, text),
    show(progress, toldMs) {
      const now = systemClock.monotonic();
      if (now - lastAt < SHOW_EVERY_MS && progress.ended < progress.leads) return;
      lastAt = now;
      last = rowsOf(progress, toldMs, terminal.columns ?? 80);
      draw(last);
    },
    end() {
      drawn = 0;
    },
  };
}

function rowsOf(progress: Progress, toldMs: number, columns: number): readonly string[] {
  const width = Math.max(10, Math.min(40, columns - 58));
  const rows = API_NAMES.map((name) => {
    const api = progress.apis[name];
    const count = padStart(`${api.passed}/${progress.leads}`, 2 * String(progress.leads).length + 1);
    return `${padEnd(name, 10)} ${bar(api.passed, api.kept, progress.leads, width)} ${count}  ${stateOf(api)}`;
  });
  return [...rows, `${clockText(toldMs)}${asides(progress)}`].map((row) => row.slice(0, columns - 1));
}

function bar(passed: number, kept: number, leads: number, width: number): string {
  const full = Math.floor((passed / leads) * width);
  const dead = Math.min(width - full, kept > 0 ? Math.max(1, Math.round((kept / leads) * width)) : 0);
  return "█".repeat(full) + "▒".repeat(dead) + "░".repeat(width - full - dead);
}

function stateOf({ breaker, waiting, retries }: ApiProgress): string {
  const retried = `${retries} ${retries === 1 ? "retry" : "retries"}`;
  return breaker === "open" || breaker === "half-open" ? `${retried}, breaker ${breaker}: ${waiting} wait` : retried;
}

function asides({ apis, replayed }: Progress): string {
  const kept = API_NAMES.reduce((sum, name) => sum + apis[name].kept, 0);
  const parts = [
    kept > 0 ? `${kept} dead ${kept === 1 ? "letter" : "letters"}` : "",
    replayed > 0 ? `${replayed} steps were done before` : "",
  ].filter((part) => part !== "");
  return parts.map((part) => `  ${part}`).join("");
}

/** Minutes and seconds of the story. */
export function clockText(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1_000));
  return `${String(Math.floor(seconds / 60)).padStart(2, "0")}:${String(seconds % 60).padStart(2, "0")}`;
}
