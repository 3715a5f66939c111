import { StoreError } from "../../../../core/errors.ts";
import type { AcceptResult, NewOperation } from "../../../../ports/operation-store.ts";
import type { Database, Run } from "../database.ts";
import { labelHashes } from "../dead-letter-entry.ts";
import { isUnknown } from "../fault.ts";
import { bytesArray, jsonTexts, plainArray, textArray } from "../parameters.ts";
import { statement } from "../statement.ts";
import type { Notice } from "../work-channel.ts";
import { flowName, isUuid, keyHash, toHead } from "./entry.ts";
import { laneId, type Lanes } from "./lanes.ts";

/** Operations in one statement at most. */
export const CHUNK = 2_000;

/** Rounds for operations whose rows were swept in the moment in which they were given again. */
const ROUNDS = 5;

const INT4 = 2_147_483_647;

type Answer = readonly [id: string | null, state: "accepted" | "known" | "mismatch" | "again" | "lane", known: string | null];

export interface Accepting {
  /** `notice`: whom to tell with the same commit. */
  readonly accept: (operations: readonly NewOperation[], notice?: Notice) => Promise<readonly AcceptResult[]>;
  /** In a transaction of somebody's; `channel` is told when that commits. Without one, it is a transaction of the store's own. */
  readonly acceptWithin: (run: Run, operations: readonly NewOperation[], channel: string | null) => Promise<readonly AcceptResult[]>;
}

/** Keeps operations, none of them twice. */
export function accepting(database: Database, schema: string, lanes: Lanes): Accepting {
  const { time } = database;
  const from = (before: string): string =>
    `SELECT id::text AS id, state, known::text AS known FROM ${before}"${schema}".accept_1(
       ($1::text)::uuid[], ($2::text)::uuid[], ($3::text)::text[], ($4::text)::int4[], ($5::text)::float8[], ($6::text)::float8[],
       ($7::text)::float8[], ($8::text)::uuid[], ($9::text)::text[], ($10::text)::text[], string_to_array($11::text, chr(30), ''), ($12::text)::bytea[],
       $13::text)`;
  const insert = statement<Answer>(from(""));
  const insertTelling = statement<Answer>(from("(SELECT pg_notify($14::text, $15::text)) AS told, "));

  /** Operations whose ids are all different. */
  const keep = async (run: Run, operations: readonly NewOperation[], channel: string | null): Promise<readonly AcceptResult[]> => {
    const results = new Map<string, AcceptResult>();
    let left = operations;
    for (let round = 0; left.length > 0; round += 1) {
      if (round === ROUNDS)
        throw new StoreError("the PostgreSQL store cannot keep operations: others sweep and keep the same ones; ask again");
      await lanes.ensure(run, left, channel === null);
      for (const [id, state, known] of await run(insert, [...columnsOf(left), channel])) {
        // Lanes were there and are not: another database stands behind the same address.
        if (id === null || state === "lane") lanes.forget();
        else if (state !== "again") results.set(id, { state, id: known ?? id });
      }
      left = left.filter(({ id }) => !results.has(id));
    }
    return operations.map(({ id }) => results.get(id) as AcceptResult);
  };

  const columnsOf = (operations: readonly NewOperation[]): string[] => [
    textArray(operations.map(({ id }) => id)),
    textArray(operations.map(laneId)),
    textArray(operations.map(({ flow }) => flowName(flow))),
    plainArray(operations.map(({ priority }) => Math.max(-INT4, Math.min(INT4, -priority)))),
    plainArray(operations.map(({ acceptedAt }) => time.toDatabase(acceptedAt))),
    plainArray(operations.map(({ dueAt }) => time.toDatabase(dueAt))),
    plainArray(operations.map(({ expiresAt }) => (expiresAt === undefined ? undefined : time.toDatabase(expiresAt)))),
    textArray(operations.map(({ api, idempotencyKey }) => (idempotencyKey === undefined ? undefined : keyHash(api, idempotencyKey)))),
    textArray(operations.map(({ fingerprint }) => fingerprint)),
    textArray(operations.map(({ labels }) => textArray(labelHashes(labels)))),
    jsonTexts(operations.map(toHead)),
    bytesArray(operations.map(({ request }) => request.body)),
  ];

  const keepAll = async (run: Run, operations: readonly NewOperation[], channel: string | null): Promise<readonly AcceptResult[]> => {
    const odd = operations.find(({ id }) => !isUuid(id));
    if (odd) throw new StoreError(`the id of an operation is a UUID in lower case, not ${JSON.stringify(odd.id)}`);
    const results: AcceptResult[] = [];
    for (const part of parts(operations)) results.push(...(await keep(run, part, channel)));
    return results;
  };

  const own: Run = (query, values) => database.once("keep operations", query, values);

  /** As `own`, and the first statement that keeps operations tells of it. */
  const telling = ({ channel, payload }: Notice): Run => {
    let told = false;
    return (query, values) => {
      if (told || (query as object) !== insert) return own(query, values);
      told = true;
      return own(insertTelling as unknown as typeof query, [...values, channel, payload]);
    };
  };

  return {
    accept: async (operations, notice) => {
      try {
        return await keepAll(notice === undefined ? own : telling(notice), operations, null);
      } catch (error) {
        if (!isUnknown(error)) throw error;
        // What stands under its own id by now is what was just written.
        const results = await keepAll(own, operations, null);
        return results.map((result, index) =>
          result.state === "known" && result.id === operations[index]?.id ? { state: "accepted", id: result.id } : result,
        );
      }
    },
    acceptWithin: keepAll,
  };
}

/** A batch in parts of bounded size, in none of which an id occurs twice. */
function parts(operations: readonly NewOperation[]): readonly (readonly NewOperation[])[] {
  const all: NewOperation[][] = [];
  let seen = new Set<string>();
  for (const operation of operations) {
    if (all.length === 0 || seen.size === CHUNK || seen.has(operation.id)) {
      all.push([]);
      seen = new Set();
    }
    seen.add(operation.id);
    all.at(-1)?.push(operation);
  }
  return all;
}
