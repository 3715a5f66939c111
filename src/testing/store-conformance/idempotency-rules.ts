import assert from "node:assert/strict";
import type { BeginRequest, BeginResult, FinishRequest, IdempotencyStore } from "../../ports/idempotency-store.ts";
import { answer, beginRequest, bytes, MINUTE, T0, utf8 } from "./samples.ts";
import type { Suite } from "./suite.ts";

const FRESH: BeginResult = { state: "claimed", earlier: "none" };
const IN_DOUBT: BeginResult = { state: "claimed", earlier: "unknown" };
const DAY = 24 * 60 * MINUTE;

async function begin(store: IdempotencyStore, fields: Partial<BeginRequest> = {}): Promise<BeginResult> {
  const [result, ...rest] = await store.begin([beginRequest(fields)]);
  assert.equal(rest.length, 0, "one request, one result");
  assert.ok(result, "one request, one result");
  return result;
}

function done(fields: Partial<FinishRequest & { state: "done" }> = {}): FinishRequest {
  return { key: "key-1", token: "token-1", now: T0, state: "done", answer: answer(), expiresAt: T0 + DAY, ...fields };
}

function unknown(fields: { readonly key?: string; readonly token?: string } = {}): FinishRequest {
  return { key: "key-1", token: "token-1", now: T0, state: "unknown", ...fields };
}

/** What the contract says of idempotency keys. */
export function idempotencyRules({ section, rule, ruleFor }: Suite): void {
  section("idempotency: taking a key", () => {
    rule("a new key is claimed and has no past", async ({ store: { idempotency } }) => {
      assert.deepEqual(await begin(idempotency), FRESH);
    });

    rule("another try meets the running one and learns until when its lease lasts", async ({ store: { idempotency } }) => {
      await begin(idempotency);
      assert.deepEqual(await begin(idempotency, { token: "token-2", leaseUntil: T0 + 2 * MINUTE }), {
        state: "running",
        leaseUntil: T0 + MINUTE,
      });
    });

    rule("asking again changes no lease of somebody else", async ({ store: { idempotency } }) => {
      await begin(idempotency);
      await begin(idempotency, { token: "token-2", leaseUntil: T0 + 100 * MINUTE });
      assert.deepEqual(await begin(idempotency, { token: "token-3", now: T0 + MINUTE }), IN_DOUBT);
    });

    rule("a lease holds until its last millisecond and has run out at its end", async ({ store: { idempotency } }) => {
      await begin(idempotency);
      const late = { token: "token-2", leaseUntil: T0 + 2 * MINUTE };
      assert.equal((await begin(idempotency, { ...late, now: T0 + MINUTE - 1 })).state, "running");
      assert.deepEqual(await begin(idempotency, { ...late, now: T0 + MINUTE }), IN_DOUBT);
    });

    rule("the holder that asks again is answered as before and gets the new lease", async ({ store: { idempotency } }) => {
      await begin(idempotency);
      assert.deepEqual(await begin(idempotency, { leaseUntil: T0 + 3 * MINUTE }), FRESH);
      assert.equal((await begin(idempotency, { token: "token-2", now: T0 + 2 * MINUTE })).state, "running");
      assert.deepEqual(await begin(idempotency, { token: "token-2", now: T0 + 3 * MINUTE, leaseUntil: T0 + 4 * MINUTE }), IN_DOUBT);
      assert.deepEqual(await begin(idempotency, { token: "token-2", now: T0 + 3 * MINUTE, leaseUntil: T0 + 5 * MINUTE }), IN_DOUBT);
    });

    rule("another payload is a mismatch, whatever the state of the key", async ({ store: { idempotency } }) => {
      const other = { fingerprint: "payload-2", token: "token-2" };
      await begin(idempotency);
      assert.deepEqual(await begin(idempotency, other), { state: "mismatch" });
      assert.deepEqual(await begin(idempotency, { ...other, now: T0 + 2 * MINUTE }), { state: "mismatch" }, "after the lease ran out");
      await idempotency.finish([unknown()]);
      assert.deepEqual(await begin(idempotency, other), { state: "mismatch" }, "unknown");
      await begin(idempotency);
      await idempotency.finish([done()]);
      assert.deepEqual(await begin(idempotency, other), { state: "mismatch" }, "done");
    });

    rule("fifty tries at once: one has the key, the others see it running", async ({ store: { idempotency } }) => {
      const results = await Promise.all(Array.from({ length: 50 }, (_, index) => begin(idempotency, { token: `token-${index}` })));
      assert.equal(results.filter(({ state }) => state === "claimed").length, 1);
      assert.equal(results.filter(({ state }) => state === "running").length, 49);
    });

    ruleFor("shared", "fifty tries over two handles: one has the key", async ({ store, another }) => {
      const handles = [store, await another()];
      const results = await Promise.all(
        Array.from({ length: 50 }, (_, index) => begin((handles[index % 2] as typeof store).idempotency, { token: `token-${index}` })),
      );
      assert.equal(results.filter(({ state }) => state === "claimed").length, 1);
    });

    ruleFor("shared", "one handle sees at once what another was told is kept", async ({ store, another }) => {
      const second = await another();
      await begin(store.idempotency);
      assert.equal((await begin(second.idempotency, { token: "token-2" })).state, "running");
      await store.idempotency.finish([done()]);
      assert.equal((await begin(second.idempotency, { token: "token-2" })).state, "done");
    });
  });

  section("idempotency: ending the work", () => {
    rule("a finished key answers byte for byte, again and again", async ({ store: { idempotency } }) => {
      await begin(idempotency);
      assert.deepEqual(await idempotency.finish([done()]), ["applied"]);
      for (const token of ["token-1", "token-2"]) {
        assert.deepEqual(await begin(idempotency, { token, now: T0 + 5 * MINUTE }), { state: "done", answer: answer() });
      }
    });

    for (const [what, body] of [
      ["an empty body", new Uint8Array(0)],
      ["a body of 1 MiB with every byte value", bytes(1024 * 1024)],
      ["a body that is a view into a larger buffer", bytes(1_000).subarray(100, 300)],
      ["a small Node Buffer, which shares its memory with others", Buffer.from("pooled bytes")],
    ] as const) {
      rule(`${what} comes back unchanged`, async ({ store: { idempotency } }) => {
        await begin(idempotency);
        await idempotency.finish([done({ answer: answer({ body }) })]);
        const result = await begin(idempotency);
        assert.equal(result.state, "done");
        assert.ok(result.answer.body instanceof Uint8Array);
        assert.ok(Buffer.from(result.answer.body).equals(body));
      });
    }

    rule("a function's value comes back without a status or headers", async ({ store: { idempotency } }) => {
      const value = { type: "value", body: utf8('{"imported":3}') } as const;
      await begin(idempotency);
      await idempotency.finish([done({ answer: value })]);
      assert.deepEqual(await begin(idempotency), { state: "done", answer: value });
    });

    rule("what is kept is a copy: neither writer nor reader can change it", async ({ store: { idempotency } }) => {
      const body = utf8("original");
      await begin(idempotency);
      const finishing = idempotency.finish([done({ answer: answer({ body }) })]);
      await finishing;
      body.fill(0);
      const first = await begin(idempotency);
      assert.equal(first.state, "done");
      assert.deepEqual(first.answer.body, utf8("original"));
      first.answer.body.fill(0);
      assert.deepEqual(await begin(idempotency), { state: "done", answer: answer({ body: utf8("original") }) });
    });

    rule("an unknown outcome stays in doubt, however long ago", async ({ store: { idempotency } }) => {
      await begin(idempotency);
      assert.deepEqual(await idempotency.finish([unknown()]), ["applied"]);
      assert.equal(await idempotency.sweep(T0 + 1_000 * DAY, 100), 0);
      assert.deepEqual(await begin(idempotency, { token: "token-2", now: T0 + 1_000 * DAY }), IN_DOUBT);
    });

    rule("a definite answer settles a doubt", async ({ store: { idempotency } }) => {
      await begin(idempotency);
      await idempotency.finish([unknown()]);
      await begin(idempotency, { token: "token-2" });
      assert.deepEqual(await idempotency.finish([done({ token: "token-2" })]), ["applied"]);
      assert.equal((await begin(idempotency)).state, "done");
      assert.deepEqual(await begin(idempotency, { now: T0 + DAY, leaseUntil: T0 + 2 * DAY }), FRESH);
    });

    rule("a released key is free, for any payload", async ({ store: { idempotency } }) => {
      await begin(idempotency);
      assert.deepEqual(await idempotency.release([{ key: "key-1", token: "token-1" }]), ["applied"]);
      assert.deepEqual(await begin(idempotency, { fingerprint: "payload-2", token: "token-2" }), FRESH);
    });

    rule("a doubt outlives a try that took it over and released it", async ({ store: { idempotency } }) => {
      await begin(idempotency);
      assert.deepEqual(await begin(idempotency, { token: "token-2", now: T0 + MINUTE, leaseUntil: T0 + 2 * MINUTE }), IN_DOUBT);
      assert.deepEqual(await idempotency.release([{ key: "key-1", token: "token-2" }]), ["applied"]);
      assert.deepEqual(await begin(idempotency, { token: "token-3", now: T0 + MINUTE }), IN_DOUBT);
    });

    rule("a doubt that somebody resolved is gone", async ({ store: { idempotency } }) => {
      await begin(idempotency);
      await idempotency.finish([unknown()]);
      assert.deepEqual(await idempotency.resolve([{ key: "key-1", now: T0 }]), ["applied"]);
      assert.deepEqual(await begin(idempotency, { token: "token-2" }), FRESH);
    });

    rule("only a doubt can be resolved: not work under a lease, not an answer, not an absent key", async ({ store: { idempotency } }) => {
      assert.deepEqual(await idempotency.resolve([{ key: "key-1", now: T0 }]), ["stale"]);
      await begin(idempotency);
      assert.deepEqual(await idempotency.resolve([{ key: "key-1", now: T0 + MINUTE - 1 }]), ["stale"]);
      assert.deepEqual(await idempotency.resolve([{ key: "key-1", now: T0 + MINUTE }]), ["applied"]);
      await begin(idempotency);
      await idempotency.finish([done()]);
      assert.deepEqual(await idempotency.resolve([{ key: "key-1", now: T0 + MINUTE }]), ["stale"]);
      assert.equal((await begin(idempotency)).state, "done");
    });
  });

  section("idempotency: fencing", () => {
    rule("a holder that was overtaken changes nothing", async ({ store: { idempotency } }) => {
      await begin(idempotency);
      await begin(idempotency, { token: "token-2", now: T0 + MINUTE, leaseUntil: T0 + 2 * MINUTE });
      assert.deepEqual(await idempotency.finish([done()]), ["stale"]);
      assert.deepEqual(await idempotency.finish([unknown()]), ["stale"]);
      assert.deepEqual(await idempotency.release([{ key: "key-1", token: "token-1" }]), ["stale"]);
      assert.deepEqual(await idempotency.extend([{ key: "key-1", token: "token-1", leaseUntil: T0 + DAY }]), ["stale"]);
      assert.deepEqual(await begin(idempotency, { token: "token-3", now: T0 + MINUTE }), { state: "running", leaseUntil: T0 + 2 * MINUTE });
      assert.deepEqual(await idempotency.finish([done({ token: "token-2" })]), ["applied"]);
    });

    rule("a holder whose lease ran out may still finish while nobody has taken over", async ({ store: { idempotency } }) => {
      await begin(idempotency);
      assert.deepEqual(await idempotency.finish([done({ now: T0 + 10 * MINUTE })]), ["applied"]);
      assert.equal((await begin(idempotency, { now: T0 + 10 * MINUTE })).state, "done");
    });

    rule("an extended lease holds longer", async ({ store: { idempotency } }) => {
      await begin(idempotency);
      assert.deepEqual(await idempotency.extend([{ key: "key-1", token: "token-1", leaseUntil: T0 + 3 * MINUTE }]), ["applied"]);
      assert.deepEqual(await begin(idempotency, { token: "token-2", now: T0 + 2 * MINUTE }), {
        state: "running",
        leaseUntil: T0 + 3 * MINUTE,
      });
    });

    rule("a key that is absent or done has no holder", async ({ store: { idempotency } }) => {
      const holder = { key: "key-1", token: "token-1" };
      const allStale = async (): Promise<void> => {
        assert.deepEqual(await idempotency.finish([done(), unknown()]), ["stale", "stale"]);
        assert.deepEqual(await idempotency.release([holder]), ["stale"]);
        assert.deepEqual(await idempotency.extend([{ ...holder, leaseUntil: T0 + DAY }]), ["stale"]);
      };
      await allStale();
      await begin(idempotency);
      await idempotency.finish([done()]);
      await allStale();
      assert.deepEqual(await begin(idempotency), { state: "done", answer: answer() });
    });
  });

  section("idempotency: expiry", () => {
    rule("an answer is kept until its last millisecond and is gone at its end", async ({ store: { idempotency } }) => {
      await begin(idempotency);
      await idempotency.finish([done()]);
      assert.equal((await begin(idempotency, { now: T0 + DAY - 1 })).state, "done");
      assert.deepEqual(
        await begin(idempotency, { token: "token-2", fingerprint: "payload-2", now: T0 + DAY, leaseUntil: T0 + 2 * DAY }),
        FRESH,
      );
    });

    rule("sweeping takes expired answers, no more than asked, and nothing else", async ({ store: { idempotency } }) => {
      const keys = ["a", "b", "c", "d", "running", "unknown"];
      await idempotency.begin(keys.map((key) => beginRequest({ key })));
      await idempotency.finish(["a", "b", "c", "d"].map((key, index) => done({ key, expiresAt: T0 + index })));
      await idempotency.finish([unknown({ key: "unknown" })]);
      assert.equal(await idempotency.sweep(T0 - 1, 100), 0);
      assert.equal(await idempotency.sweep(T0 + 2, 2), 2);
      assert.equal(await idempotency.sweep(T0 + 2, 2), 1);
      assert.equal(await idempotency.sweep(T0 + 2, 2), 0);
      const states = await idempotency.begin(keys.map((key) => beginRequest({ key, token: "token-2", now: T0 })));
      assert.deepEqual(
        states.map((result) => (result.state === "claimed" ? result.earlier : result.state)),
        ["none", "none", "none", "done", "running", "unknown"],
      );
    });
  });

  section("idempotency: batches and keys", () => {
    rule("a batch is done in its order and answers in its order", async ({ store: { idempotency } }) => {
      assert.deepEqual(await idempotency.begin([]), []);
      const results = await idempotency.begin([
        beginRequest({ key: "a", token: "1" }),
        beginRequest({ key: "b", token: "2" }),
        beginRequest({ key: "a", token: "3" }),
        beginRequest({ key: "b", token: "4", fingerprint: "other" }),
        beginRequest({ key: "b", token: "5", now: T0 + MINUTE, leaseUntil: T0 + 2 * MINUTE }),
      ]);
      assert.deepEqual(results, [FRESH, FRESH, { state: "running", leaseUntil: T0 + MINUTE }, { state: "mismatch" }, IN_DOUBT]);
      assert.deepEqual(
        await idempotency.finish([
          done({ key: "a", token: "1" }),
          done({ key: "a", token: "1" }),
          done({ key: "b", token: "2" }),
          done({ key: "b", token: "5" }),
        ]),
        ["applied", "stale", "stale", "applied"],
      );
    });

    rule("a batch of a thousand is answered whole", async ({ store: { idempotency } }) => {
      const requests = Array.from({ length: 1_000 }, (_, index) => beginRequest({ key: `key-${index % 500}`, token: `token-${index}` }));
      const states = (await idempotency.begin(requests)).map(({ state }) => state);
      assert.deepEqual(states, [...Array<string>(500).fill("claimed"), ...Array<string>(500).fill("running")]);
    });

    rule("calls made together are done in the order they were made", async ({ store: { idempotency } }) => {
      const [first, , second, , third] = await Promise.all([
        begin(idempotency, { token: "1" }),
        idempotency.finish([unknown({ token: "1" })]),
        begin(idempotency, { token: "2" }),
        idempotency.release([{ key: "key-1", token: "2" }]),
        begin(idempotency, { token: "3" }),
      ]);
      assert.deepEqual([first, second, third], [FRESH, IN_DOUBT, IN_DOUBT]);
    });

    rule("any text is a key of its own", async ({ store: { idempotency } }) => {
      const keys = [
        "größe",
        "gro\u0308ße",
        "🪸",
        "日本語",
        "__proto__",
        "constructor",
        "'; DROP TABLE x; --",
        '"',
        " ",
        "a\nb",
        "A",
        "a",
        "x".repeat(4_096),
        "",
      ];
      const requests = keys.map((key) => beginRequest({ key, fingerprint: `of ${key}` }));
      assert.deepEqual(
        await idempotency.begin(requests),
        keys.map(() => FRESH),
      );
      await idempotency.finish(keys.map((key) => done({ key, answer: answer({ body: utf8(key), statusText: "größe 🪸" }) })));
      for (const [index, result] of (await idempotency.begin(requests)).entries()) {
        assert.deepEqual(result, { state: "done", answer: answer({ body: utf8(keys[index] as string), statusText: "größe 🪸" }) });
      }
    });
  });
}
