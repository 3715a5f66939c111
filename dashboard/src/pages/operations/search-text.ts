/** What somebody typed into the search of operations, as what it asks for. */
export type Search =
  | { readonly by: "nothing" }
  | { readonly by: "id"; readonly id: string }
  | { readonly by: "label"; readonly name: string; readonly value: string }
  | { readonly by: "key"; readonly key: string };

const UUID = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i;

/** An id as it is, `lead=42` a label, and everything else an idempotency key. */
export function searchOf(text: string): Search {
  const typed = text.trim();
  if (typed === "") return { by: "nothing" };
  if (UUID.test(typed)) return { by: "id", id: typed.toLowerCase() };
  const [, name, value] = /^([^\s=]+)=(.*)$/.exec(typed) ?? [];
  return name !== undefined && value !== undefined ? { by: "label", name, value } : { by: "key", key: typed };
}
