import { systemClock } from "../../adapters/clock/system.ts";
import { NotFoundError } from "../../core/errors.ts";
import { openApisProcess } from "./apis.ts";
import { planFor } from "./plan.ts";
import { readState, runFolder } from "./run-folder.ts";
import { API_NAMES } from "./weather.ts";

/**
 * Starts the four APIs of the last run again, on their old ports, with their old ledgers, and with nothing wrong: somebody
 * has mended what made the dead letters. Ends with Ctrl-C.
 */
export async function serveMended(store: string | undefined): Promise<void> {
  const folder = runFolder(store);
  const state = readState(folder);
  if (state?.ports === undefined) throw new NotFoundError(`no run of the demo is in ${folder.path}; start one first`);
  const now = systemClock.now();
  const apisProcess = await openApisProcess(folder.path);
  try {
    const apis = await apisProcess.start({
      plan: planFor(1_000),
      weather: "mended",
      stretch: { storyAt: now, machineAt: now, speed: 1 },
      seed: 1,
      ports: state.ports,
    });
    for (const name of API_NAMES) {
      const moved = apis.ports[name] === state.ports[name] ? "" : "   (not its old port: its dead letters cannot be replayed)";
      process.stdout.write(`${name.padEnd(10)}  http://127.0.0.1:${apis.ports[name]}${moved}\n`);
    }
    process.stdout.write("listening; Ctrl-C ends it\n");
    await Promise.race([new Promise((resolve) => ["SIGINT", "SIGTERM"].map((signal) => process.once(signal, resolve))), apis.died]);
  } finally {
    await apisProcess.close();
  }
}
