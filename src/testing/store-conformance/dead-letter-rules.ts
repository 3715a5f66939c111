import assert from "node:assert/strict";
import type {
  DeadLetter,
  DeadLetterChange,
  DeadLetterFilter,
  DeadLetterGroup,
  DeadLetterStore,
  NewDeadLetter,
} from "../../ports/dead-letter-store.ts";
import { attempt, bytes, collect, letter, pageOf, T0, utf8 } from "./samples.ts";
import type { Suite } from "./suite.ts";

const A = "v1:aaaaaaaaaaaaaaaa";
const B = "v1:bbbbbbbbbbbbbbbb";

/** A new letter as the store gives it back. */
function kept(fresh: NewDeadLetter): DeadLetter {
  return { ...fresh, state: "open", revision: 1, replays: 0, changedAt: fresh.diedAt };
}

function change(number: number, revision: number, fields: Partial<DeadLetterChange> = {}): DeadLetterChange {
  return { id: letter(number).id, revision, state: "replaying", now: T0 + 1_000, ...fields };
}

async function numbers(store: DeadLetterStore, filter: DeadLetterFilter, limit = 100): Promise<number[]> {
  const all = await collect((after) => store.list(filter, pageOf(limit, after)));
  return all.map(({ id }) => Number(id.slice(-12)));
}

async function groups(store: DeadLetterStore, filter: DeadLetterFilter = {}): Promise<DeadLetterGroup[]> {
  return collect((after) => store.groups(filter, pageOf(100, after)));
}

/** A letter of a group, which died so many milliseconds after the start. */
function member(number: number, fingerprint: string, diedAt: number = number): NewDeadLetter {
  return letter(number, { fingerprint, diedAt: T0 + diedAt });
}

async function onlyGroup(store: DeadLetterStore): Promise<DeadLetterGroup> {
  const [group, ...others] = await groups(store);
  assert.equal(others.length, 0);
  assert.ok(group);
  return group;
}

/** What the contract says of dead letters and their groups. */
export function deadLetterRules(suite: Suite): void {
  keeping(suite);
  listing(suite);
  changing(suite);
  grouping(suite);
}

function keeping({ section, rule }: Suite): void {
  section("dead letters: keeping", () => {
    rule("a letter comes back as it was, with its history, and open", async ({ store: { deadLetters } }) => {
      const full = letter(1, { operation: "import leads" });
      await deadLetters.add([full]);
      assert.deepEqual(await deadLetters.get(full.id), kept(full));
    });

    rule("what was not given is not there: no request, no key, no name, no labels, no attempts", async ({ store: { deadLetters } }) => {
      const { request: _request, idempotencyKey: _key, ...rest } = letter(1, { labels: {}, attempts: [] });
      await deadLetters.add([rest]);
      assert.deepEqual(await deadLetters.get(rest.id), kept(rest));
    });

    rule("an id that is not known has no letter", async ({ store: { deadLetters } }) => {
      assert.equal(await deadLetters.get(letter(1).id), undefined);
    });

    for (const [what, body] of [
      ["an empty body", new Uint8Array(0)],
      ["a body of 1 MiB with every byte value", bytes(1024 * 1024)],
      ["a body that is a view into a larger buffer", bytes(1_000).subarray(100, 300)],
    ] as const) {
      rule(`${what} comes back unchanged`, async ({ store: { deadLetters } }) => {
        const { request } = letter(1);
        await deadLetters.add([letter(1, { request: { ...(request as NonNullable<typeof request>), body } })]);
        const found = await deadLetters.get(letter(1).id);
        assert.ok(found?.request?.body);
        assert.ok(Buffer.from(found.request.body).equals(body));
      });
    }

    rule("a request without a body has none afterwards", async ({ store: { deadLetters } }) => {
      const request = { method: "DELETE", url: "https://api.example.com/contacts/1", headers: [] };
      await deadLetters.add([letter(1, { request })]);
      assert.deepEqual((await deadLetters.get(letter(1).id))?.request, request);
    });

    rule("what is kept is a copy: neither writer nor reader can change it", async ({ store: { deadLetters } }) => {
      const body = utf8("original");
      const labels: Record<string, string> = { lead: "1" };
      const request = { method: "POST", url: "https://api.example.com/", headers: [], body };
      await deadLetters.add([letter(1, { labels, request })]);
      body.fill(0);
      labels["lead"] = "2";
      const found = (await deadLetters.get(letter(1).id)) as DeadLetter;
      assert.deepEqual([found.labels, found.request?.body], [{ lead: "1" }, utf8("original")]);
      found.request?.body?.fill(0);
      (found.labels as Record<string, string>)["lead"] = "3";
      const again = (await deadLetters.get(letter(1).id)) as DeadLetter;
      assert.deepEqual([again.labels, again.request?.body], [{ lead: "1" }, utf8("original")]);
    });

    rule("an id that is known already is left as it is, also within one batch", async ({ store: { deadLetters } }) => {
      await deadLetters.add([letter(1), letter(2), letter(2, { title: "twin" })]);
      await deadLetters.change([change(1, 1, { state: "resolved" })]);
      await deadLetters.add([letter(1, { title: "again" }), letter(2, { title: "again" })]);
      assert.equal((await deadLetters.get(letter(1).id))?.state, "resolved");
      assert.equal((await deadLetters.get(letter(2).id))?.title, letter(2).title);
      assert.deepEqual(await numbers(deadLetters, {}), [2, 1]);
      assert.equal((await onlyGroup(deadLetters)).total, 2);
    });

    rule("label names that mean something to JavaScript are plain names", async ({ store: { deadLetters } }) => {
      const labels = JSON.parse('{"__proto__":"polluted","constructor":"c","größe":"🪸","":"empty","a.b":"\'; --"}') as Record<
        string,
        string
      >;
      await deadLetters.add([letter(1, { labels }), letter(2, { labels: {} })]);
      const found = (await deadLetters.get(letter(1).id)) as DeadLetter;
      assert.deepEqual(new Map(Object.entries(found.labels)), new Map(Object.entries(labels)));
      assert.equal(({} as Record<string, unknown>)["polluted"], undefined);
      assert.equal(Object.getPrototypeOf({}), Object.prototype);
      for (const [name, value] of Object.entries(labels)) {
        const filter = { labels: JSON.parse(JSON.stringify(Object.fromEntries([[name, value]]))) as Record<string, string> };
        assert.deepEqual(await numbers(deadLetters, filter), [1], name);
      }
      assert.deepEqual(await numbers(deadLetters, { labels: { toString: "x" } }), []);
    });

    rule("text outside ASCII survives everywhere", async ({ store: { deadLetters } }) => {
      const odd = "größe 🪸 日本語 \u2028 ' \" \\ \n";
      const fresh = letter(1, {
        api: odd,
        endpoint: odd,
        partition: odd,
        title: odd,
        operation: odd,
        idempotencyKey: odd,
        fingerprint: `v1:${odd}`,
        because: { code: "permanent", detail: odd },
        attempts: [attempt(1, { bodyExcerpt: odd, headers: { "x-odd": odd } })],
      });
      await deadLetters.add([fresh]);
      assert.deepEqual(await deadLetters.get(fresh.id), kept(fresh));
      assert.deepEqual(await numbers(deadLetters, { api: odd, fingerprint: `v1:${odd}` }), [1]);
    });
  });
}

function listing({ section, rule }: Suite): void {
  section("dead letters: listing", () => {
    rule("the newest stands first; of one instant the last added", async ({ store: { deadLetters } }) => {
      await deadLetters.add([letter(2), letter(4), letter(1)]);
      await deadLetters.add([letter(3), letter(5, { diedAt: T0 + 3 }), letter(6, { diedAt: T0 })]);
      assert.deepEqual(await numbers(deadLetters, {}), [4, 5, 3, 2, 1, 6]);
    });

    rule("pages of any size give the same listing, and the last says that it is the last", async ({ store: { deadLetters } }) => {
      await deadLetters.add(Array.from({ length: 7 }, (_, index) => letter(index + 1, { diedAt: T0 + Math.floor(index / 3) })));
      const whole = await numbers(deadLetters, {});
      assert.equal(whole.length, 7);
      for (const limit of [1, 2, 3, 6, 7, 8]) assert.deepEqual(await numbers(deadLetters, {}, limit), whole, `limit ${limit}`);
      assert.equal((await deadLetters.list({}, { limit: 7 })).next, null);
      assert.deepEqual(await deadLetters.list({ api: "none" }, { limit: 7 }), { items: [], next: null });
    });

    rule("letters that are added while somebody turns pages shift nothing", async ({ store: { deadLetters } }) => {
      await deadLetters.add([1, 2, 3, 4, 5, 6].map((number) => letter(number)));
      const first = await deadLetters.list({}, { limit: 2 });
      await deadLetters.add([letter(7), letter(8, { diedAt: T0 - 1 }), letter(9, { diedAt: T0 + 6 })]);
      const rest = await collect((after) => deadLetters.list({}, pageOf(2, after ?? first.next)));
      const shown = [...first.items, ...rest].map(({ id }) => Number(id.slice(-12)));
      assert.deepEqual(
        shown.filter((number) => number <= 6),
        [6, 5, 4, 3, 2, 1],
      );
      assert.equal(new Set(shown).size, shown.length, "none twice");
    });

    rule("letters that change while somebody turns pages are still shown once", async ({ store: { deadLetters } }) => {
      await deadLetters.add([1, 2, 3, 4].map((number) => letter(number)));
      const first = await deadLetters.list({}, { limit: 2 });
      await deadLetters.change([change(4, 1, { state: "resolved" }), change(2, 1, { state: "discarded" })]);
      const second = await deadLetters.list({}, pageOf(2, first.next));
      assert.deepEqual(
        [...first.items, ...second.items].map(({ id }) => Number(id.slice(-12))),
        [4, 3, 2, 1],
      );
    });

    rule("a filter lets through what fits all of it", async ({ store: { deadLetters } }) => {
      await deadLetters.add([
        letter(1, { labels: { lead: "1", campaign: "q4" } }),
        letter(2, { labels: { lead: "2", campaign: "q4" }, api: "billing" }),
        letter(3, { labels: { lead: "3", campaign: "q3" }, fingerprint: B }),
        letter(4, { labels: { lead: "4" }, reason: "exhausted" }),
      ]);
      await deadLetters.change([change(1, 1, { state: "resolved" })]);
      const cases: readonly (readonly [DeadLetterFilter, readonly number[]])[] = [
        [{}, [4, 3, 2, 1]],
        [{ ids: [letter(3).id, letter(1).id, letter(99).id] }, [3, 1]],
        [{ ids: [] }, []],
        [{ api: "crm" }, [4, 3, 1]],
        [{ fingerprint: A }, [4, 2, 1]],
        [{ state: "open" }, [4, 3, 2]],
        [{ state: "resolved" }, [1]],
        [{ reason: "exhausted" }, [4]],
        [{ labels: { campaign: "q4" } }, [2, 1]],
        [{ labels: { campaign: "q4", lead: "2" } }, [2]],
        [{ labels: { campaign: "q4", lead: "3" } }, []],
        [{ labels: { nothing: "" } }, []],
        [{ since: T0 + 2 }, [4, 3, 2]],
        [{ until: T0 + 3 }, [2, 1]],
        [{ since: T0 + 2, until: T0 + 3 }, [2]],
        [{ api: "crm", state: "open", reason: "permanent", labels: { campaign: "q3" } }, [3]],
      ];
      for (const [filter, expected] of cases) {
        assert.deepEqual(await numbers(deadLetters, filter), expected, JSON.stringify(filter));
        assert.deepEqual(await numbers(deadLetters, filter, 1), expected, `page by page: ${JSON.stringify(filter)}`);
      }
    });

    rule("large bodies make shorter pages, and every letter is shown", async ({ store: { deadLetters } }) => {
      const large = bytes(3 * 1024 * 1024);
      const request = { method: "POST", url: "https://api.example.com/", headers: [], body: large };
      for (const number of [1, 2, 3, 4]) await deadLetters.add([letter(number, { request })]);
      assert.deepEqual(await numbers(deadLetters, {}, 100), [4, 3, 2, 1]);
    });

    rule("a cursor of another listing, a broken one and a limit of none are refused", async ({ store: { deadLetters } }) => {
      await deadLetters.add([letter(1), letter(2), letter(3, { fingerprint: B })]);
      const { next: letterCursor } = await deadLetters.list({}, { limit: 1 });
      const { next: groupCursor } = await deadLetters.groups({}, { limit: 1 });
      const refused = { code: "store" };
      await assert.rejects(deadLetters.list({}, pageOf(1, groupCursor)), refused);
      await assert.rejects(deadLetters.groups({}, pageOf(1, letterCursor)), refused);
      await assert.rejects(deadLetters.list({}, pageOf(1, "nonsense")), refused);
      await assert.rejects(deadLetters.list({}, { limit: 0 }), refused);
    });
  });
}

function changing({ section, rule, ruleFor }: Suite): void {
  section("dead letters: changing", () => {
    rule("a change is applied to the revision that its writer saw, and counts it up", async ({ store: { deadLetters } }) => {
      await deadLetters.add([letter(1)]);
      assert.deepEqual(await deadLetters.change([change(1, 1, { note: "trying" })]), ["applied"]);
      const again = change(1, 2, {
        state: "open",
        attempts: [attempt(3, { bodyExcerpt: "third" })],
        reason: "exhausted",
        because: { code: "attempts-exhausted", attempt: 3 },
        replayed: true,
        now: T0 + 2_000,
      });
      assert.deepEqual(await deadLetters.change([again]), ["applied"]);
      assert.deepEqual(await deadLetters.get(letter(1).id), {
        ...kept(letter(1)),
        reason: "exhausted",
        because: { code: "attempts-exhausted", attempt: 3 },
        attempts: [attempt(1), attempt(2), attempt(3, { bodyExcerpt: "third" })],
        revision: 3,
        replays: 1,
        changedAt: T0 + 2_000,
        note: "trying",
      });
    });

    rule("a writer that saw an old revision changes nothing", async ({ store: { deadLetters } }) => {
      await deadLetters.add([letter(1)]);
      await deadLetters.change([change(1, 1)]);
      const before = await deadLetters.get(letter(1).id);
      for (const revision of [0, 1, 3]) {
        const late = change(1, revision, { state: "discarded", attempts: [attempt(9)], note: "late", replayed: true });
        assert.deepEqual(await deadLetters.change([late]), ["stale"], `revision ${revision}`);
      }
      assert.deepEqual(await deadLetters.get(letter(1).id), before);
    });

    rule("a batch of changes is done and answered in its order", async ({ store: { deadLetters } }) => {
      await deadLetters.add([letter(1), letter(2)]);
      assert.deepEqual(
        await deadLetters.change([change(1, 1), change(9, 1), change(2, 5), change(1, 1), change(1, 2, { state: "resolved" })]),
        ["applied", "missing", "stale", "stale", "applied"],
      );
      assert.equal((await deadLetters.get(letter(1).id))?.state, "resolved");
      assert.deepEqual(await deadLetters.change([]), []);
    });

    rule("twenty operators take one letter: one of them has it", async ({ store: { deadLetters } }) => {
      await deadLetters.add([letter(1)]);
      const results = await Promise.all(Array.from({ length: 20 }, () => deadLetters.change([change(1, 1)])));
      assert.equal(results.flat().filter((result) => result === "applied").length, 1);
      assert.equal((await deadLetters.get(letter(1).id))?.revision, 2);
    });

    ruleFor("shared", "two operators with a handle each take one letter: one of them has it", async ({ store, another }) => {
      const second = await another();
      await store.deadLetters.add([letter(1)]);
      const results = await Promise.all([store.deadLetters.change([change(1, 1)]), second.deadLetters.change([change(1, 1)])]);
      assert.deepEqual(results.flat().sort(), ["applied", "stale"]);
    });

    rule("sweeping deletes what was settled by then, oldest change first, and nothing that is open", async ({ store: { deadLetters } }) => {
      await deadLetters.add([1, 2, 3, 4, 5].map((number) => letter(number)));
      await deadLetters.change([
        change(1, 1, { state: "resolved", now: T0 + 3_000 }),
        change(2, 1, { state: "discarded", now: T0 + 1_000 }),
        change(3, 1, { state: "resolved", now: T0 + 2_000 }),
        change(4, 1, { state: "replaying", now: T0 + 1_000 }),
      ]);
      assert.equal(await deadLetters.sweep(T0 + 999, 10), 0);
      assert.equal(await deadLetters.sweep(T0 + 3_000, 2), 2);
      assert.deepEqual(await numbers(deadLetters, {}), [5, 4, 1]);
      assert.equal(await deadLetters.sweep(T0 + 3_000, 2), 1);
      assert.equal(await deadLetters.sweep(T0 + 9_000, 10), 0);
      assert.deepEqual(await numbers(deadLetters, {}), [5, 4]);
      assert.equal(await deadLetters.get(letter(1).id), undefined);
      assert.deepEqual(await numbers(deadLetters, { labels: { lead: "1" } }), []);
    });
  });
}

function grouping({ section, rule }: Suite): void {
  section("dead letters: groups", () => {
    rule(
      "letters of one fingerprint are a group, with its first member's words, counts and instants",
      async ({ store: { deadLetters } }) => {
        await deadLetters.add([letter(5), letter(1, { title: "later words", reason: "exhausted" }), letter(3)]);
        await deadLetters.change([change(3, 1)]);
        assert.deepEqual(await onlyGroup(deadLetters), {
          fingerprint: A,
          title: letter(1).title,
          api: "crm",
          endpoint: "POST /contacts",
          reason: "permanent",
          state: "open",
          regressed: false,
          open: 2,
          total: 3,
          firstAt: T0 + 1,
          lastAt: T0 + 5,
        });
      },
    );

    rule("open letters are counted by API and endpoint, with the oldest of each", async ({ store: { deadLetters } }) => {
      await deadLetters.add([
        letter(3),
        letter(1),
        letter(2, { endpoint: "GET /contacts" }),
        letter(4, { api: "billing" }),
        letter(5, { api: "mail" }),
      ]);
      await deadLetters.change([change(3, 1, { state: "resolved" }), change(5, 1, { state: "discarded" })]);
      assert.deepEqual(await deadLetters.openLetters(), [
        { api: "billing", endpoint: "POST /contacts", open: 1, oldestAt: T0 + 4 },
        { api: "crm", endpoint: "GET /contacts", open: 1, oldestAt: T0 + 2 },
        { api: "crm", endpoint: "POST /contacts", open: 1, oldestAt: T0 + 1 },
      ]);
    });

    rule("open letters of a time say whom they concern, the newest first", async ({ store: { deadLetters } }) => {
      await deadLetters.add([1, 2, 3, 4].map((number) => letter(number, { labels: { lead: String(number) } })));
      await deadLetters.change([change(3, 1, { state: "resolved" })]);
      const { api, endpoint, partition, reason } = letter(1);
      assert.deepEqual(
        await deadLetters.concerned(T0 + 2, 5),
        [4, 2].map((number) => ({ ...{ api, endpoint, partition, reason }, labels: { lead: String(number) }, diedAt: T0 + number })),
      );
      assert.equal((await deadLetters.concerned(T0, 2)).length, 2);
    });

    rule("deaths are counted in steps of time, of each group that is asked for", async ({ store: { deadLetters } }) => {
      await deadLetters.add([member(1, A, 0), member(2, A, 9), member(3, A, 10), member(4, A, 29), member(5, A, 30), member(6, B, 15)]);
      await deadLetters.change([change(3, 1, { state: "resolved" })]);
      const over = { from: T0, stepMs: 10, steps: 3 };
      assert.deepEqual(await deadLetters.spread([A, "v1:unknown", B], over), [
        [2, 1, 1],
        [0, 0, 0],
        [0, 1, 0],
      ]);
      assert.deepEqual(await deadLetters.spread([], over), []);
    });

    rule("the group with the newest letter stands first, page by page as in one", async ({ store: { deadLetters } }) => {
      await deadLetters.add([member(1, A), member(2, B), member(3, "v1:c"), member(4, A, 4), member(5, "v1:d", 4), member(6, "v1:e", 0)]);
      for (const limit of [1, 2, 3, 100]) {
        const all = await collect((after) => deadLetters.groups({}, pageOf(limit, after)));
        assert.deepEqual(
          all.map(({ fingerprint }) => fingerprint),
          ["v1:d", A, "v1:c", B, "v1:e"],
          `limit ${limit}`,
        );
      }
    });

    rule("a group that grows while somebody turns pages is neither lost nor shown twice", async ({ store: { deadLetters } }) => {
      const names = ["v1:1", "v1:2", "v1:3", "v1:4"];
      await deadLetters.add(names.map((fingerprint, index) => letter(index + 1, { fingerprint })));
      const first = await deadLetters.groups({}, { limit: 2 });
      await deadLetters.add(["v1:1", "v1:4", "v1:5"].map((fingerprint, index) => letter(index + 10, { fingerprint })));
      const second = await deadLetters.groups({}, pageOf(2, first.next));
      assert.deepEqual(
        [...first.items, ...second.items].map(({ fingerprint }) => fingerprint),
        names.toReversed(),
      );
    });

    rule("counts are those of the members that the filter lets through", async ({ store: { deadLetters } }) => {
      await deadLetters.add([
        letter(1, { labels: { campaign: "q4" } }),
        letter(2, { labels: { campaign: "q4" } }),
        letter(3, { labels: { campaign: "q3" } }),
        letter(4, { labels: { campaign: "q3" }, fingerprint: B }),
      ]);
      await deadLetters.change([change(1, 1, { state: "resolved" })]);
      const counts = async (filter: DeadLetterFilter): Promise<unknown> =>
        (await groups(deadLetters, filter)).map(({ fingerprint, open, total, firstAt, lastAt }) => [
          fingerprint,
          open,
          total,
          firstAt - T0,
          lastAt - T0,
        ]);
      assert.deepEqual(await counts({ labels: { campaign: "q4" } }), [[A, 1, 2, 1, 2]]);
      assert.deepEqual(await counts({ labels: { campaign: "q3" } }), [
        [B, 1, 1, 4, 4],
        [A, 1, 1, 3, 3],
      ]);
      assert.deepEqual(await counts({ state: "resolved" }), [[A, 0, 1, 1, 1]]);
      assert.deepEqual(await counts({ api: "none" }), []);
    });

    rule("a new letter re-opens a resolved group as regressed, until somebody sets its state again", async ({ store: { deadLetters } }) => {
      await deadLetters.add([letter(1)]);
      assert.equal(await deadLetters.setGroupState(A, "resolved", T0), true);
      assert.equal((await onlyGroup(deadLetters)).state, "resolved");
      await deadLetters.add([letter(1)]);
      assert.equal((await onlyGroup(deadLetters)).state, "resolved", "a letter that was known is no new one");
      await deadLetters.add([letter(2)]);
      assert.deepEqual(pickState(await onlyGroup(deadLetters)), ["open", true]);
      await deadLetters.setGroupState(A, "acknowledged", T0);
      assert.deepEqual(pickState(await onlyGroup(deadLetters)), ["acknowledged", false]);
    });

    rule("an acknowledged or ignored group stays what it is", async ({ store: { deadLetters } }) => {
      for (const [number, state] of [
        [1, "acknowledged"],
        [3, "ignored"],
      ] as const) {
        await deadLetters.add([letter(number)]);
        await deadLetters.setGroupState(A, state, T0);
        await deadLetters.add([letter(number + 1)]);
        assert.deepEqual(pickState(await onlyGroup(deadLetters)), [state, false]);
      }
    });

    rule("a letter that comes back to open after a failed replay re-opens a resolved group", async ({ store: { deadLetters } }) => {
      await deadLetters.add([letter(1)]);
      await deadLetters.change([change(1, 1)]);
      await deadLetters.setGroupState(A, "resolved", T0);
      await deadLetters.change([change(1, 2, { note: "still trying" })]);
      assert.deepEqual(pickState(await onlyGroup(deadLetters)), ["resolved", false]);
      await deadLetters.change([change(1, 3, { state: "open", replayed: true })]);
      assert.deepEqual(pickState(await onlyGroup(deadLetters)), ["open", true]);
    });

    rule("a letter that failed in another way moves to that group", async ({ store: { deadLetters } }) => {
      await deadLetters.add([letter(1), letter(2)]);
      await deadLetters.change([
        change(1, 1, { state: "open", reason: "exhausted", group: { fingerprint: B, title: "transient 503 on crm POST /contacts" } }),
      ]);
      assert.equal((await deadLetters.get(letter(1).id))?.title, "transient 503 on crm POST /contacts");
      assert.deepEqual(
        (await groups(deadLetters)).map(({ fingerprint, title, reason, total }) => [fingerprint, title, reason, total]),
        [
          [A, letter(1).title, "permanent", 1],
          [B, "transient 503 on crm POST /contacts", "exhausted", 1],
        ],
      );
    });

    rule("a group that is not known has no state to set", async ({ store: { deadLetters } }) => {
      assert.equal(await deadLetters.setGroupState(A, "ignored", T0), false);
    });

    rule("a group keeps its state when its letters are swept", async ({ store: { deadLetters } }) => {
      await deadLetters.add([letter(1)]);
      await deadLetters.change([change(1, 1, { state: "discarded" })]);
      await deadLetters.setGroupState(A, "ignored", T0);
      assert.equal(await deadLetters.sweep(T0 + 1_000, 10), 1);
      assert.deepEqual(await groups(deadLetters), []);
      await deadLetters.add([letter(2)]);
      assert.deepEqual(pickState(await onlyGroup(deadLetters)), ["ignored", false]);
    });
  });
}

function pickState({ state, regressed }: DeadLetterGroup): [string, boolean] {
  return [state, regressed];
}
