import { StoreError } from "../core/errors.ts";
import type { Document, DocumentStore } from "../ports/document-store.ts";

const PAGE = 200;

/** All documents of a kind. */
export async function* all(documents: DocumentStore, kind: string): AsyncGenerator<Document, void, undefined> {
  for (let after: string | null | undefined; after !== null;) {
    const page: Awaited<ReturnType<DocumentStore["list"]>> = await documents.list(kind, {
      limit: PAGE,
      ...(after === undefined ? {} : { after }),
    });
    yield* page.items;
    after = page.next;
  }
}

export async function collect(documents: DocumentStore, kind: string): Promise<readonly Document[]> {
  const found: Document[] = [];
  for await (const document of all(documents, kind)) found.push(document);
  return found;
}

/** The store's documents, without which nothing can be remembered. @throws StoreError */
export function documentsOf(documents: DocumentStore | undefined, name: string): DocumentStore {
  if (documents !== undefined) return documents;
  throw new StoreError(
    `the store ${name} keeps no documents, which alerts are remembered in; use one that does (sqlite, postgres, memory)`,
  );
}
