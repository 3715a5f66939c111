import { ConfigError } from "../core/errors.ts";
import type { Measures } from "../ports/measures.ts";
import type { AdviceReport } from "../signals/advice/advice.ts";
import type { AdviceDoor } from "./advice.ts";
import type { Engine } from "./engine.ts";
import { openHistory, type History } from "./history.ts";
import type { HoldfastOptions } from "./holdfast.ts";
import type { OpenApis } from "./open-apis.ts";

/** What an engine counts of what it does, for those who ask later. */
export interface Records {
  /** @throws ConfigError where nothing is counted for it */
  metrics(): Promise<string>;
  /** Undefined where nothing is counted for it. */
  readonly measures: Measures | undefined;
  readonly history: History | undefined;
  advice(): Promise<AdviceReport>;
  close(): Promise<void>;
}

/** Each is loaded by those who count or ask only. @throws ConfigError */
export async function openRecords(
  options: Pick<HoldfastOptions, "metrics" | "history" | "store">,
  engine: Engine,
  apis: OpenApis,
): Promise<Records> {
  const metrics = options.metrics === true ? (await import("./counted.ts")).counted(engine, apis) : undefined;
  const history = openHistory(options, engine);
  let door: Promise<AdviceDoor> | undefined;
  const adviser = (): Promise<AdviceDoor> =>
    (door ??= import("./advice.ts").then(({ AdviceDoor }) => new AdviceDoor(engine, apis, { records: history !== undefined })));
  if (history !== undefined) await adviser();
  return {
    history,
    measures: metrics?.measures,
    metrics: async () => {
      if (metrics !== undefined) return await metrics.render();
      throw new ConfigError({ path: "metrics", message: "nothing is counted here; open the engine with metrics: true" });
    },
    advice: async () => {
      engine.assertOpen();
      return await (await adviser()).report();
    },
    close: async () => {
      await history?.close();
      await (await door)?.close();
    },
  };
}
