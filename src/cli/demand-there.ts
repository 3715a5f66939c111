import { NotFoundError } from "../core/errors.ts";
import type { Desk } from "./desk/desk.ts";

/** Refuses letters and groups that are not there, before anything is changed: a typo must not do half of what was meant. */
export async function demandThere(desk: Desk, ids: readonly string[], group: string | undefined): Promise<void> {
  // One by one, so that the error names the id.
  for (const id of ids) await desk.ask("GET", `/v1/dead-letters/${encodeURIComponent(id)}`);
  if (group === undefined) return;
  const { items } = await desk.list("/v1/dead-letters", { fingerprint: group }, 1);
  if (items.length === 0) throw new NotFoundError(`there is no group ${group}; list them with \`holdfast dlq groups\``);
}
