import type { Fenced } from "../../../ports/idempotency-store.ts";
import type { OpenResult, OpenRun, RunView, StepResult, StepState, StepStore, StepView } from "../../../ports/step-store.ts";
import { decodeCursor, encodeCursor, pageLimit } from "../paging.ts";
import type { Sync } from "../sync.ts";

/** A run and who holds it. Views are never changed, only replaced, so that they may be handed out. */
interface Run {
  readonly seq: number;
  view: RunView;
  token: string | undefined;
  leaseUntil: number;
  keepUntil: number;
}

/** Pipeline runs and their steps in a Map. */
export function steps(): Sync<StepStore> {
  const runs = new Map<string, Run>();
  let lastSeq = 0;

  const open = ({ id, pipeline, version, subject, input, token, now, leaseUntil }: OpenRun): OpenResult => {
    let run = runs.get(id);
    if (!run) {
      const view: RunView = { id, pipeline, version, subject, input, state: "open", openedAt: now, steps: [] };
      run = { seq: (lastSeq += 1), view, token, leaseUntil, keepUntil: Infinity };
      runs.set(id, run);
    }
    if (run.view.state !== "open") return { state: "ended", run: run.view };
    if (run.token !== undefined && run.token !== token && run.leaseUntil > now) return { state: "busy", leaseUntil: run.leaseUntil };
    run.token = token;
    run.leaseUntil = leaseUntil;
    return { state: "held", run: run.view };
  };

  /** Does something with a run that the token holds. */
  const whileHeld = (id: string, token: string, act: (run: Run) => boolean): Fenced => {
    const run = runs.get(id);
    return run?.view.state === "open" && run.token === token && act(run) ? "applied" : "stale";
  };

  const finish = ({ run: id, token, step, state, result, because, operation, now }: StepResult): Fenced =>
    whileHeld(id, token, (run) => {
      const known = run.view.steps.find((other) => other.step === step);
      if (known?.state === "done") return false;
      const written: StepView = {
        step,
        state,
        ...(result !== undefined && { result }),
        ...(because && { because: structuredClone(because) }),
        ...(operation !== undefined && { operation }),
        at: now,
      };
      const others = run.view.steps.map((other) => (other === known ? written : other));
      run.view = { ...run.view, steps: known ? others : [...others, written] };
      return true;
    });

  return {
    open: (requests) => requests.map(open),
    finish: (results) => results.map(finish),
    extend: (requests) =>
      requests.map(({ run: id, token, leaseUntil }) =>
        whileHeld(id, token, (run) => {
          run.leaseUntil = leaseUntil;
          return true;
        }),
      ),
    release: (requests) =>
      requests.map(({ run: id, token }) =>
        whileHeld(id, token, (run) => {
          run.token = undefined;
          return true;
        }),
      ),
    end: (requests) =>
      requests.map(({ run: id, token, state, now, keepUntil }) =>
        whileHeld(id, token, (run) => {
          run.view = { ...run.view, state, endedAt: now };
          run.token = undefined;
          run.keepUntil = keepUntil;
          return true;
        }),
      ),
    get: (id) => runs.get(id)?.view,
    list: (filter, page) => {
      const limit = pageLimit(page);
      const [before] = decodeCursor<[number]>("runs", page, 1) ?? [Infinity];
      const found = [...runs.values()]
        .reverse()
        .filter(
          ({ seq, view }) =>
            seq < before &&
            (filter.pipeline === undefined || view.pipeline === filter.pipeline) &&
            (filter.subject === undefined || view.subject === filter.subject) &&
            (filter.state === undefined || view.state === filter.state),
        );
      const shown = found.slice(0, limit);
      const last = shown.at(-1);
      return { items: shown.map(({ view }) => view), next: last && found.length > limit ? encodeCursor("runs", [last.seq]) : null };
    },
    pipelines: () => [...new Set([...runs.values()].map(({ view }) => view.pipeline))].sort(),
    overview: (pipeline, most) => {
      const own = [...runs.values()].filter(({ view }) => view.pipeline === pipeline).reverse();
      const counts = { open: 0, succeeded: 0, failed: 0 };
      const found = new Map<string, { done: number; failed: number; parked: number }>();
      for (const { view } of own.slice(0, most)) {
        counts[view.state] += 1;
        for (const { step, state } of view.steps) {
          const count = found.get(step) ?? { done: 0, failed: 0, parked: 0 };
          count[state] += 1;
          found.set(step, count);
        }
      }
      const names = [...found.keys()].sort();
      return {
        runs: counts,
        more: own.length > most,
        steps: names.map((step) => ({ step, ...(found.get(step) as Record<StepState, number>) })),
      };
    },
    sweep: (now, limit) => {
      const over = [...runs.values()]
        .filter(({ view, keepUntil }) => view.state !== "open" && keepUntil <= now)
        .sort((a, b) => a.keepUntil - b.keepUntil || a.seq - b.seq)
        .slice(0, limit);
      for (const { view } of over) runs.delete(view.id);
      return over.length;
    },
  };
}
