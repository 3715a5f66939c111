import assert from "node:assert/strict";
import type { DocumentChange, DocumentStore } from "../../ports/document-store.ts";
import type { Store } from "../../ports/store.ts";
import { collect, pageOf, T0 } from "./samples.ts";
import type { Suite } from "./suite.ts";

function documentsOf({ documents }: Store): DocumentStore {
  assert.ok(documents, "the store keeps documents");
  return documents;
}

function made(kind: string, id: string): DocumentChange {
  return { kind, id, revision: 0, body: id, now: T0 };
}

const REF = { kind: "alert", id: "größe 🪸" };

/** What the contract says of documents. */
export function documentRules({ section, ruleFor }: Suite): void {
  const rule = ruleFor.bind(undefined, "documents");
  section("documents", () => {
    rule("change by compare-and-set: whoever has seen an older one is too late", async ({ store }) => {
      const documents = documentsOf(store);
      assert.deepEqual(await documents.read([REF]), [undefined]);
      assert.deepEqual(
        await documents.write([
          { ...REF, revision: 0, body: '{"a":"\\u0000"}', now: T0 },
          { ...REF, revision: 0, body: "9", now: T0 },
          { ...REF, revision: 1, body: '"\u0000 ü"', now: T0 + 1 },
          { kind: "silence", id: REF.id, revision: 1, body: "9", now: T0 },
        ]),
        ["applied", "stale", "applied", "stale"],
      );
      assert.deepEqual(await documents.read([{ kind: "silence", id: REF.id }, REF]), [
        undefined,
        { ...REF, body: '"\u0000 ü"', revision: 2, changedAt: T0 + 1 },
      ]);
    });

    rule("are taken away by compare-and-set, and begin anew after that", async ({ store }) => {
      const documents = documentsOf(store);
      const write = async (revision: number, body: string | null): Promise<unknown> =>
        (await documents.write([{ ...REF, revision, body, now: T0 }]))[0];
      assert.equal(await write(0, null), "applied");
      assert.equal(await write(0, "1"), "applied");
      assert.equal(await write(0, null), "stale");
      assert.equal(await write(2, null), "stale");
      assert.equal(await write(1, null), "applied");
      assert.deepEqual(await documents.read([REF]), [undefined]);
      assert.equal(await write(1, "2"), "stale");
      assert.equal(await write(0, "3"), "applied");
      assert.equal((await documents.read([REF]))[0]?.revision, 1);
    });

    rule("of a kind are listed in the order in which they were made, whatever changed since", async ({ store }) => {
      const documents = documentsOf(store);
      for (const id of ["1", "2", "3"]) await documents.write([made("a", id), made("b", id)]);
      await documents.write([
        { kind: "a", id: "1", revision: 1, body: "11", now: T0 + 5 },
        { kind: "a", id: "2", revision: 1, body: null, now: T0 },
      ]);
      await documents.write([made("a", "2")]);
      for (const limit of [1, 2, 10]) {
        const items = await collect((after) => documents.list("a", pageOf(limit, after)));
        assert.deepEqual(
          items.map(({ id, body }) => [id, body]),
          [
            ["1", "11"],
            ["3", "3"],
            ["2", "2"],
          ],
        );
      }
      assert.deepEqual(await documents.list("c", pageOf(5)), { items: [], next: null });
    });
  });
}
