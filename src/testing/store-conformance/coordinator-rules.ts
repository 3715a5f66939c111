import assert from "node:assert/strict";
import type { Coordinator, ExchangeAnswer, ExchangeRequest, SharedBreaker } from "../../ports/coordinator.ts";
import { MINUTE, T0 } from "./samples.ts";
import type { Suite } from "./suite.ts";

const TWO_A_SECOND = { limit: 2, perMs: 1_000, burst: 40 };
const UNHEARD = { revision: 0, state: "closed", reopened: 0 } as const;

async function exchange(coordinator: Coordinator | undefined, fields: Partial<ExchangeRequest> = {}): Promise<ExchangeAnswer> {
  assert.ok(coordinator, "the store has a coordinator");
  const request = { api: "crm", endpoint: "POST /contacts", partition: "", now: T0, rates: [TWO_A_SECOND], want: 10, unused: 0, ...fields };
  const [answer, ...others] = await coordinator.exchange([request]);
  assert.equal(others.length, 0);
  assert.ok(answer);
  return answer;
}

/** What the contract says of lanes that several processes share. */
export function coordinatorRules({ section, ruleFor }: Suite): void {
  const rule = ruleFor.bind(undefined, "coordinator");
  section("coordinator: rates", () => {
    rule("blocks are granted until the burst is out, then at the rate, whoever asks", async ({ store: { coordinator } }) => {
      assert.deepEqual(await exchange(coordinator, { want: 30 }), { granted: 30, waitMs: 0, breaker: UNHEARD });
      assert.deepEqual(await exchange(coordinator, { want: 30 }), { granted: 10, waitMs: 500, breaker: UNHEARD });
      assert.deepEqual(await exchange(coordinator, { now: T0 + 499 }), { granted: 0, waitMs: 1, breaker: UNHEARD });
      assert.equal((await exchange(coordinator, { now: T0 + 3_000 })).granted, 6);
      assert.equal((await exchange(coordinator, { now: T0 + MINUTE, want: 100 })).granted, 40);
    });

    rule("in no time more than the burst and what the rate brings, however many ask", async ({ store: { coordinator } }) => {
      let granted = 0;
      for (let now = T0; now <= T0 + 10_000; now += 130) {
        const answers = await Promise.all([1, 2, 3].map((want) => exchange(coordinator, { now, want })));
        granted += answers.reduce((sum, answer) => sum + answer.granted, 0);
      }
      assert.ok(granted <= 40 + 20, `${granted} tokens`);
      assert.ok(granted >= 40 + 18, `${granted} tokens`);
    });

    rule("every rate of the lane must have room, and each keeps its own count", async ({ store: { coordinator } }) => {
      const rates = [TWO_A_SECOND, { limit: 50, perMs: 86_400_000, burst: 50 }];
      assert.equal((await exchange(coordinator, { rates, want: 100 })).granted, 40);
      assert.equal((await exchange(coordinator, { rates, want: 100, now: T0 + MINUTE })).granted, 10);
      assert.equal((await exchange(coordinator, { rates, want: 1, now: T0 + 2 * MINUTE })).granted, 0);
    });

    rule("what was not used is given back, and no more than the burst is ever there", async ({ store: { coordinator } }) => {
      await exchange(coordinator, { want: 40 });
      assert.equal((await exchange(coordinator, { want: 40, unused: 15 })).granted, 15);
      assert.equal((await exchange(coordinator, { want: 100, unused: 1_000 })).granted, 40);
    });

    rule("a refusal of the other side pauses the lane for everybody", async ({ store: { coordinator } }) => {
      await exchange(coordinator, { want: 0, pausedUntil: T0 + 5_000 });
      assert.deepEqual(await exchange(coordinator, { want: 1, now: T0 + 1_000 }), { granted: 0, waitMs: 4_000, breaker: UNHEARD });
      assert.equal((await exchange(coordinator, { want: 1, now: T0 + 5_000 })).granted, 1);
    });

    rule("what the other side says is left lowers the rate for everybody, and never raises it", async ({ store: { coordinator } }) => {
      await exchange(coordinator, { want: 0, remaining: 3 });
      assert.equal((await exchange(coordinator, { want: 10 })).granted, 3);
      await exchange(coordinator, { want: 0, remaining: 30 });
      assert.equal((await exchange(coordinator, { want: 10 })).granted, 0);
    });

    rule("a clock that steps back grants nothing twice", async ({ store: { coordinator } }) => {
      await exchange(coordinator, { want: 40 });
      assert.equal((await exchange(coordinator, { want: 40, now: T0 - 60 * MINUTE })).granted, 0);
    });

    rule("lanes do not share; a lane without rates has no limit", async ({ store: { coordinator } }) => {
      await exchange(coordinator, { want: 40 });
      assert.equal((await exchange(coordinator, { want: 40, partition: "account-7" })).granted, 40);
      assert.deepEqual(await exchange(coordinator, { want: 1_000, rates: [], api: "other" }), {
        granted: 1_000,
        waitMs: 0,
        breaker: UNHEARD,
      });
    });
  });

  section("coordinator: breakers", () => {
    const open: SharedBreaker = { state: "open", until: T0 + 30_000, reopened: 2, manual: true };

    rule("a change is heard by everybody, and counts the revision up", async ({ store: { coordinator } }) => {
      const told = await exchange(coordinator, { breaker: { revision: 0, to: open } });
      assert.deepEqual(told.breaker, { ...open, revision: 1 });
      assert.deepEqual((await exchange(coordinator)).breaker, { ...open, revision: 1 });
    });

    rule("a change that comes too late is not applied, and its writer hears what stands", async ({ store: { coordinator } }) => {
      await exchange(coordinator, { breaker: { revision: 0, to: open } });
      const late = await exchange(coordinator, { breaker: { revision: 0, to: { state: "half-open", reopened: 0 } } });
      assert.deepEqual(late.breaker, { ...open, revision: 1 });
    });

    rule("an idle lane is forgotten, one whose breaker is not closed is kept", async ({ store: { coordinator } }) => {
      await exchange(coordinator, { want: 40 });
      await exchange(coordinator, { api: "open", breaker: { revision: 0, to: { state: "open", until: T0 + 1, reopened: 0 } } });
      assert.ok(coordinator);
      assert.equal(await coordinator.sweep(T0 + 19_999, 9), 0);
      assert.equal(await coordinator.sweep(T0 + 20_000, 9), 1);
      assert.equal((await exchange(coordinator, { api: "open", now: T0 + 60 * MINUTE })).breaker.state, "open");
    });
  });
}
