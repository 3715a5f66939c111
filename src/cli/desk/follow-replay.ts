import { systemClock } from "../../adapters/clock/system.ts";
import { sleep } from "../../ports/clock.ts";
import type { ReplayView } from "./answers.ts";
import type { Desk } from "./desk.ts";
import { RefusedError } from "./faults.ts";

/** A run in this process is looked at often, one of a gateway as often as a reader can follow. */
const LOOK_MS = { local: 20, remote: 300 } as const;

/** Watches a replay run until it ends, and tells each entry once. Once `stop` aborts, the run ends after the letters under way. */
export async function followReplay(
  desk: Desk,
  begun: ReplayView,
  stop: AbortSignal,
  tell: (entry: ReplayView["entries"][number]) => void,
): Promise<ReplayView> {
  const path = `/v1/replays/${begun.id}`;
  let told = 0;
  let stopping = false;
  for (let view = begun; ; view = await desk.ask<ReplayView>("GET", path)) {
    const done = view.resolved + view.failedAgain + view.skipped;
    // A gateway keeps the last thousand.
    if (done > told) for (const entry of view.entries.slice(told - done)) tell(entry);
    told = done;
    if (view.state === "failed") throw new RefusedError(`the run ended in the middle: ${view.error ?? "nobody knows why"}`);
    if (view.state === "finished") return view;
    if (stop.aborted && !stopping) {
      stopping = true;
      await desk.ask("POST", `${path}/stop`);
    }
    await sleep(systemClock, desk.remote ? LOOK_MS.remote : LOOK_MS.local, stopping ? undefined : stop).catch(() => undefined);
  }
}
