import type { Fenced } from "../../../../ports/idempotency-store.ts";
import type { Settlement } from "../../../../ports/operation-store.ts";
import type { Database } from "../database.ts";
import { letterRecords } from "../dead-letter-entry.ts";
import { isUnknown } from "../fault.ts";
import { bytesArray, jsonTexts, plainArray, textArray } from "../parameters.ts";
import { statement } from "../statement.ts";
import { inWaves } from "../waves.ts";
import { isUuid } from "./entry.ts";

/** Settlements whose answers were lost and that are remembered until somebody asks again. */
const REMEMBERED = 10_000;

/** Writes down what became of claimed operations, as far as their claims still hold. */
export function settling(database: Database, schema: string): (settlements: readonly Settlement[]) => Promise<readonly Fenced[]> {
  const { time } = database;
  const settle = statement<[ids: string]>(
    `SELECT "${schema}".settle_1(
       ($1::text)::uuid[], ($2::text)::int4[], ($3::text)::float8[], ($4::text)::text[], ($5::text)::float8[], ($6::text)::float8[],
       ($7::text)::bool[], string_to_array($8::text, chr(30), ''), ($9::text)::int4[], string_to_array($10::text, chr(30), ''),
       string_to_array($11::text, chr(30), ''), ($12::text)::bytea[], ($13::text)::json)::text`,
  );
  const look = statement<[id: string]>(
    `SELECT settled::text FROM "${schema}".settled_1(($1::text)::uuid[], ($2::text)::int4[]) AS settled`,
  );
  /** Claims whose settlement may stand although nobody was told: id and claim. */
  const doubtful = new Set<string>();

  const columnsOf = (settlements: readonly Settlement[]): (string | null)[] => {
    const ends = settlements.map(({ outcome }) => endOf(outcome));
    const letters = settlements.flatMap(({ outcome }) => (outcome.state === "dead" ? [outcome.letter] : []));
    return [
      textArray(settlements.map(({ id }) => id)),
      plainArray(settlements.map(({ claim }) => claim)),
      plainArray(settlements.map(({ now }) => time.toDatabase(now))),
      textArray(settlements.map(({ outcome }) => outcome.state)),
      plainArray(ends.map(({ until }) => until && time.toDatabase(until))),
      plainArray(ends.map(({ delayMs }) => delayMs)),
      plainArray(ends.map(({ because }) => because?.code === "breaker-open")),
      jsonTexts(ends.map(({ because }) => because && JSON.stringify(because))),
      plainArray(settlements.map(({ attempt }) => attempt?.attempt)),
      jsonTexts(settlements.map(({ attempt }) => attempt && JSON.stringify(attempt))),
      jsonTexts(ends.map(({ answer }) => answer && JSON.stringify({ ...answer, body: undefined }))),
      bytesArray(ends.map(({ answer }) => answer?.body)),
      letters.length === 0 ? null : letterRecords(letters, time),
    ];
  };

  const settleOnce = async (settlements: readonly Settlement[]): Promise<readonly Fenced[]> => {
    const [row] = await database.once("settle operations", settle, columnsOf(settlements));
    const applied = new Set(((row as [string])[0].slice(1, -1) || "").split(","));
    const stale = settlements.filter((settlement) => !applied.has(settlement.id) && doubtful.has(nameOf(settlement)));
    if (stale.length > 0) {
      const found = await database.repeatable("look for settlements whose answers were lost", look, [
        textArray(stale.map(({ id }) => id)),
        plainArray(stale.map(({ claim }) => claim)),
      ]);
      for (const [id] of found) applied.add(id);
    }
    for (const settlement of settlements) doubtful.delete(nameOf(settlement));
    return settlements.map(({ id }) => (applied.has(id) ? "applied" : "stale"));
  };

  const settleAll = async (settlements: readonly Settlement[]): Promise<readonly Fenced[]> => {
    for (let tries = 1; ; tries += 1) {
      try {
        return await settleOnce(settlements);
      } catch (error) {
        if (!isUnknown(error)) throw error;
        if (doubtful.size >= REMEMBERED) doubtful.clear();
        for (const settlement of settlements) doubtful.add(nameOf(settlement));
        if (tries === 2) throw error;
      }
    }
  };

  return async (settlements) => {
    const possible = settlements.filter(({ id }) => isUuid(id));
    const results = await inWaves(possible, ({ id }) => id, settleAll);
    if (possible.length === settlements.length) return results;
    const byPlace = new Map(possible.map((settlement, index) => [settlement, results[index] as Fenced]));
    return settlements.map((settlement) => byPlace.get(settlement) ?? "stale");
  };
}

function nameOf({ id, claim }: Settlement): string {
  return `${id} ${claim}`;
}

type Outcome = Settlement["outcome"];

/** The columns of an outcome. */
function endOf(outcome: Outcome): {
  readonly until?: number;
  readonly delayMs?: number;
  readonly because?: (Outcome & { readonly state: "parked" })["because"];
  readonly answer?: NonNullable<(Outcome & { readonly state: "succeeded" })["answer"]>;
} {
  switch (outcome.state) {
    case "succeeded":
      return { until: outcome.keepUntil, ...(outcome.answer && { answer: outcome.answer }) };
    case "parked":
      return { until: outcome.until, delayMs: outcome.delayMs, because: outcome.because };
    case "dead":
      return { because: outcome.letter.because };
    case "cancelled":
      return { because: outcome.because };
    case "ready":
      return {};
  }
}
