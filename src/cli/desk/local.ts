import { userInfo } from "node:os";
import { secureBytes } from "../../adapters/clock/random.ts";
import { systemClock } from "../../adapters/clock/system.ts";
import type { Holdfast } from "../../client/holdfast.ts";
import type { Store } from "../../ports/store.ts";
import { version } from "../version.ts";
import type { DeskTransport } from "./desk.ts";

/** Nothing listens there: requests do not leave this process. */
const ORIGIN = "http://127.0.0.1";

/** The routes of the gateway over a store, in this process. Whoever may open the store may do everything. */
export async function localTransport(
  hf: Holdfast,
  store: Store,
): Promise<{ readonly where: string; readonly transport: DeskTransport; readonly close: () => Promise<void> }> {
  const [{ createApp }, { LOCAL }, { StrangerGuard }] = await Promise.all([
    import("../../gateway/app.ts"),
    import("../../gateway/principal.ts"),
    import("../../gateway/stranger.ts"),
  ]);
  const { username } = userInfo();
  // The tokens in the store do not shut out whoever has the store itself; the audit log names the user.
  const authentication = { principal: { ...LOCAL, name: `cli:${username}` } };
  const faults: Error[] = [];
  const app = createApp({
    hf,
    store,
    clock: systemClock,
    randomBytes: secureBytes,
    authenticator: { authenticate: () => authentication, replace: () => undefined, entryOf: () => undefined },
    strangers: new StrangerGuard(),
    version: version(),
    draining: () => false,
    failed: (error) => {
      faults.push(error instanceof Error ? error : new Error(String(error)));
    },
  });
  return {
    where: `the ${store.name} store`,
    transport: async (method, path, body) => {
      const headers = { host: "127.0.0.1", ...(body === undefined ? {} : { "content-type": "application/json" }) };
      const response = await app.fetch(
        new Request(`${ORIGIN}${path}`, { method, headers, ...(body === undefined ? {} : { body }) }),
        "command line",
      );
      // It happened here, so it can be told as it is.
      const fault = faults.pop();
      if (fault !== undefined) throw fault;
      return response;
    },
    close: () => app.close(),
  };
}
