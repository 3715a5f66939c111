import type { Holdfast } from "../client/holdfast.ts";
import { NotFoundError } from "../core/errors.ts";

/** Refuses letters and groups that are not there, before anything is changed: a typo must not do half of what was meant. */
export async function demandThere({ deadLetters }: Holdfast, ids: readonly string[], group: string | undefined): Promise<void> {
  // One by one, so that the error names the id.
  for (const id of ids) await deadLetters.get(id);
  if (group === undefined) return;
  const { items } = await deadLetters.list({ fingerprint: group }, { limit: 1 });
  if (items.length === 0) throw new NotFoundError(`there is no group ${group}; list them with \`holdfast dlq groups\``);
}
