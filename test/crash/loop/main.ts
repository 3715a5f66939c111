/**
 * The crash loop: worker processes over a real store are killed, stopped and told to end, at random moments and at every named
 * crash point, and what is left is held to the ledger of the other side.
 *
 *     npm run test:crash                           200 random moments and every crash point, over each store
 *     npm run test:crash -- --kills 20             fewer
 *     npm run test:crash -- --backend sqlite       over one of them
 *     npm run test:crash -- --write-docs           and puts the counts into docs/reliability.md
 *
 * The exit code is 0 only if nothing was lost, doubled or sent again in doubt, every crash point was met, and every worker that is
 * broken on purpose was found out.
 */
import { parseArgs } from "node:util";
import { seededRandom } from "../../../src/testing/seeded-random.ts";
import { backends, type Backend } from "./backend.ts";
import type { Findings } from "./check.ts";
import type { Broken } from "./orders.ts";
import { plan } from "./plan.ts";
import { CRASH_POINTS, type CrashPoint } from "./points.ts";
import { emptyTotals, writeReport, type BackendTotals } from "./report.ts";
import { run, type Disruption } from "./run.ts";
import { poisoned, stoppedPastItsLease } from "./scenes.ts";

const { values } = parseArgs({
  options: {
    kills: { type: "string", default: "200" },
    points: { type: "string", default: "2" },
    stops: { type: "string", default: "30" },
    terms: { type: "string", default: "20" },
    seed: { type: "string", default: "1" },
    backend: { type: "string", multiple: true },
    "write-docs": { type: "boolean", default: false },
  },
});
const DISRUPTIONS_A_RUN = 8;
const OPERATIONS = 100;
/** A point that is not met in so many lives is not met at all. */
const MOST_TRIES = 12;

let faults = 0;
const fault = (text: string): void => {
  faults += 1;
  console.log(`FAULT ${text}`);
};
const all: BackendTotals[] = [];
for (const backend of backends) {
  if (values.backend !== undefined && !values.backend.includes(backend.name)) continue;
  try {
    all.push(await crash(backend));
  } finally {
    await backend.end();
  }
}
if (values["write-docs"]) writeReport(all);
console.log(faults === 0 ? "ok" : `${faults} faults`);
process.exitCode = faults === 0 && all.length > 0 ? 0 : 1;

async function crash(backend: Backend): Promise<BackendTotals> {
  const random = seededRandom(Number(values.seed));
  const started = performance.now();
  const totals = emptyTotals(backend.name);
  const { deadly, stops } = plan(
    { kills: Number(values.kills), eachPoint: Number(values.points), terms: Number(values.terms), stops: Number(values.stops) },
    random,
  );
  const tries = new Map<Disruption, number>();
  for (let number = 1; deadly.length + stops.length > 0; number += 1) {
    const stopping = deadly.length === 0;
    const from = stopping ? stops : deadly;
    const taken = from.splice(0, DISRUPTIONS_A_RUN);
    const left = [...taken];
    const workers = stopping ? 2 : 1 + (number % 2);
    // A process that is stopped between its last look at its lease and the wire, for longer than the lease, sends what another has
    // asked about meanwhile. Only a key that the API honours closes that gap, so what is asked about is left out here.
    const kinds = stopping ? (["keyed", "blind"] as const) : undefined;
    const seed = Number(values.seed) * 10_000 + number;
    const found = await run({ backend, seed, operations: OPERATIONS, workers, ...(kinds === undefined ? {} : { kinds }) }, left);
    const faulty = faultsOf(found);
    for (const text of faulty) fault(`${backend.name}, run ${number}: ${text}`);
    totals.add(found);
    for (const missed of left) {
      const count = (tries.get(missed) ?? 0) + 1;
      tries.set(missed, count);
      if (count < MOST_TRIES) from.push(missed);
      else if (missed.type === "point") fault(`${backend.name}: the crash point ${missed.point} was not met for the ${missed.nth}. time`);
    }
    console.log(
      `${backend.name} run ${number}: ${found.met.length} disruptions, ${found.accepted} operations, ${found.requests} requests; ` +
        `${found.succeeded} done, ${found.inDoubt} in doubt, ${found.died} refused; ${faulty.length} faults; ${deadly.length + stops.length} to go`,
    );
  }
  for (const point of CRASH_POINTS)
    if (Number(values.points) > 0 && !totals.points.has(point)) fault(`${backend.name}: ${point} was never met`);

  for (const text of faultsOf(await stoppedPastItsLease(backend))) fault(`${backend.name}, stopped past its lease: ${text}`);
  const poison = await poisoned(backend);
  for (const text of faultsOf(poison)) fault(`${backend.name}, poison: ${text}`);
  if (poison.lives !== 4 || poison.reason !== "poison")
    fault(`${backend.name}: ${poison.lives} lives, and the poison is ${poison.reason ?? "no dead letter"}`);
  console.log(`${backend.name}: an operation that kills its worker was a dead letter "poison" after ${poison.lives - 1} of them`);

  await mustBeFound(backend, "unfenced", () => stoppedPastItsLease(backend, "unfenced"));
  const broken = (fault: Broken, point: CrashPoint): Promise<void> =>
    mustBeFound(backend, fault, () => {
      const left = Array.from({ length: 6 }, (_, index): Disruption => ({ type: "point", point, nth: 3 + 4 * index }));
      return run({ backend, seed: 7, operations: OPERATIONS, workers: 1, broken: fault }, left);
    });
  await broken("early-ack", "accept:before");
  await broken("resend", "send:after");
  totals.seconds = Math.round((performance.now() - started) / 1_000);
  return totals;
}

/** A worker that is broken on purpose: the check has to find it, or it finds nothing at all. */
async function mustBeFound(backend: Backend, broken: Broken, scene: () => Promise<Findings>): Promise<void> {
  const found = faultsOf(await scene());
  if (found.length === 0) fault(`${backend.name}: a worker that is broken on purpose (${broken}) was not found out`);
  else
    console.log(
      `${backend.name}: a worker that is broken on purpose (${broken}) was found out: ${found[0]}${found.length > 1 ? `, and ${found.length - 1} more` : ""}`,
    );
}

function faultsOf({ lost, doubled, resent, wrong }: Findings): string[] {
  return [
    ...lost.map((text) => `lost: ${text}`),
    ...doubled.map((text) => `doubled: ${text}`),
    ...resent.map((text) => `sent again in doubt: ${text}`),
    ...wrong.map((text) => `wrong: ${text}`),
  ];
}
