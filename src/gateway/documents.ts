import { StoreError } from "../core/errors.ts";
import type { Document, DocumentStore } from "../ports/document-store.ts";
import type { Page } from "../ports/page.ts";
import type { Store } from "../ports/store.ts";

const PAGE = 200;

/** Where the gateway keeps its own: tokens, holds of lanes, the audit log. @throws StoreError where the store has no such place */
export function documentsOf({ name, documents }: Store): DocumentStore {
  if (documents === undefined) throw new StoreError(`the store ${name} keeps no documents; use memory(), sqlite() or postgres()`);
  return documents;
}

/** Every document of a kind, its body parsed. */
export async function allOf(store: DocumentStore, kind: string): Promise<readonly (Document & { readonly parsed: unknown })[]> {
  const found: (Document & { readonly parsed: unknown })[] = [];
  for (let after: string | null | undefined; after !== null;) {
    const page: Page<Document> = await store.list(kind, { limit: PAGE, ...(after === undefined ? {} : { after }) });
    for (const document of page.items) found.push({ ...document, parsed: JSON.parse(document.body) as unknown });
    after = page.next;
  }
  return found;
}
