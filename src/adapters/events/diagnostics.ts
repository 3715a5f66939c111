import { channel } from "node:diagnostics_channel";
import { EVENTS, type EventName } from "../../ports/events.ts";
import { together, type EventSource } from "./source.ts";

/**
 * Publishes every event of an engine on `node:diagnostics_channel`, as `holdfast:` and its name: `holdfast:call:settled`. Until the
 * returned function is called.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { subscribe } from "node:diagnostics_channel";
 * import { createHoldfast } from "holdfast";
 * import { diagnosticsChannels } from "holdfast/signals";
 *
 * const hf = await createHoldfast({ apis: { crm: {} }, transport: async () => Response.json({}) });
 * const stop = diagnosticsChannels(hf);
 * const outcomes: unknown[] = [];
 * subscribe("holdfast:call:settled", (message) => outcomes.push((message as { outcome: string }).outcome));
 * await hf.fetch("crm")("https://api.example.com/contacts");
 * assert.deepEqual(outcomes, ["succeeded"]);
 * stop();
 * await hf.close();
 * ```
 */
export function diagnosticsChannels(source: EventSource): () => void {
  return together(
    (Object.keys(EVENTS) as EventName[]).map((name) => {
      const published = channel(`holdfast:${name}`);
      return source.on(name, (event) => {
        if (published.hasSubscribers) published.publish(event);
      });
    }),
  );
}
