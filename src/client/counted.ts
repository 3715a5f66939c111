import { Metrics, type SyncReading } from "../signals/metrics/metrics.ts";
import type { OpenApis } from "./open-apis.ts";
import type { Engine } from "./engine.ts";
import { Syncs } from "./syncs.ts";

const PAGE = 200;

/** The metrics of an engine. */
export function counted(engine: Engine, apis: OpenApis): Metrics {
  const { runtime, store } = engine;
  const { clock } = runtime;
  return new Metrics(runtime.events, {
    now: () => clock.now(),
    lanes: () =>
      apis.all().flatMap(({ lanes }) =>
        lanes.all().map((lane) => ({
          api: lane.ref.api,
          endpoint: lane.ref.endpoint,
          breaker: lane.breaker === undefined ? ("none" as const) : lane.mode,
          inFlight: lane.inFlight,
          waiting: lane.waiting,
          budget: lane.budget?.available(clock.monotonic()),
        })),
      ),
    backlog: async () => (await store.operations?.backlog(clock.now())) ?? [],
    openLetters: () => store.deadLetters.openLetters(),
    syncs: async () => (store.watermarks === undefined ? [] : await allSyncs(new Syncs(engine))),
  });
}

async function allSyncs(syncs: Syncs): Promise<readonly SyncReading[]> {
  const all: SyncReading[] = [];
  for (let after: string | null | undefined; after !== null;) {
    const page = await syncs.list({ limit: PAGE, ...(after === undefined ? {} : { after }) });
    for (const { sync, heldSince, kind, watermark } of page.items) {
      all.push({ sync, heldSince, watermarkAt: kind === "time" && watermark !== null ? Date.parse(String(watermark)) : null });
    }
    after = page.next;
  }
  return all;
}
