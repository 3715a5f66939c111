import { systemClock } from "../../adapters/clock/system.ts";
import { sqlite } from "../../adapters/store/sqlite/index.ts";
import type { ApiOptions } from "../../api/api-options.ts";
import { serve, type Gateway } from "../../gateway/serve.ts";
import { version } from "../version.ts";
import { openApisProcess } from "./apis.ts";
import { planFor } from "./plan.ts";
import type { RunFolder } from "./run-folder.ts";
import { leadPipeline } from "./steps.ts";
import type { ApiName } from "./weather.ts";

/** How somebody looks at a run that has ended. */
export interface Look {
  /** Left out: the gateway's usual one, or another where that is taken. */
  readonly port: number | undefined;
  /** Told when pages are there. */
  readonly opened: (url: string) => void;
  /** Resolves when they have seen enough. */
  readonly enough: () => Promise<unknown>;
  readonly log: (line: string) => void;
}

const USUAL_PORT = 4180;

/** The APIs as a replay needs them, without the run's own limits and breakers. */
export function replayApis(urls: Readonly<Record<ApiName, string>>): Readonly<Record<ApiName, ApiOptions>> {
  return {
    enrichment: { baseUrl: urls.enrichment, profile: "enrichment" },
    scoring: { baseUrl: urls.scoring, profile: "llm" },
    crm: { baseUrl: urls.crm, profile: "crm", idempotency: { header: "Idempotency-Key" } },
    sequencer: { baseUrl: urls.sequencer, profile: "sequencer" },
  };
}

export function urlsOf(ports: Readonly<Record<ApiName, number>>): Readonly<Record<ApiName, string>> {
  return Object.fromEntries(Object.entries(ports).map(([name, port]) => [name, `http://127.0.0.1:${port}`])) as Record<ApiName, string>;
}

/**
 * Serves the dashboard over the run's store until somebody has seen enough. The four APIs are there again with nothing wrong, as if
 * somebody had mended what made the dead letters, so that those can be replayed from it.
 */
export async function showRun(
  folder: RunFolder,
  { ports, leads }: { readonly ports: Readonly<Record<ApiName, number>>; readonly leads: number },
  look: Look,
): Promise<void> {
  const now = systemClock.now();
  const apisProcess = await openApisProcess(folder.path);
  try {
    const stretch = { storyAt: now, machineAt: now, speed: 1 };
    const apis = await apisProcess.start({ plan: planFor(leads), weather: "mended", stretch, seed: 1, ports });
    const gateway = await listen(folder, replayApis(urlsOf(apis.ports)), look);
    try {
      look.opened(gateway.url);
      await Promise.race([look.enough(), apis.died]);
    } finally {
      await gateway.close();
    }
  } finally {
    await apisProcess.close();
  }
}

async function listen(folder: RunFolder, apis: Readonly<Record<string, ApiOptions>>, { port, log }: Look): Promise<Gateway> {
  const options = { apis, store: sqlite(folder.store), engine: { pipelines: [leadPipeline] }, version: version(), log };
  try {
    return await serve({ ...options, port: port ?? USUAL_PORT });
  } catch (error) {
    if (port !== undefined || (error as NodeJS.ErrnoException).code !== "EADDRINUSE") throw error;
    return await serve({ ...options, port: 0 });
  }
}
