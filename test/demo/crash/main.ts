/**
 * The main job under SIGKILL, at its full size: 4,000 leads, killed at 20 random moments, its process or its whole group.
 *
 *     npm run test:crash:demo
 *     npm run test:crash:demo -- --kills 5 --leads 400 --seed 7
 *
 * The exit code is 0 only if the ledgers of the four APIs show each step's effect once for each lead.
 */
import { rmSync } from "node:fs";
import { parseArgs } from "node:util";
import { systemClock } from "../../../src/adapters/clock/system.ts";
import { sleep } from "../../../src/ports/clock.ts";
import { seededRandom } from "../../../src/testing/index.ts";
import { temporaryFolder } from "../../../scripts/tools.ts";
import { demo, reportOf, startDemo, told } from "../demo.ts";

const { values } = parseArgs({
  options: { kills: { type: "string", default: "20" }, leads: { type: "string", default: "4000" }, seed: { type: "string", default: "1" } },
});
/** A little less than what the job takes by itself, shared out over the kills. */
const WORK_MS = Math.max(2_000, Number(values.leads) * 5);

const folder = temporaryFolder("demo-crash");
const random = seededRandom(Number(values.seed));
const kills = Number(values.kills);
const startedAt = systemClock.monotonic();
try {
  let killed = 0;
  for (let kill = 1; kill <= kills; kill += 1) {
    const started = startDemo(folder, "--leads", values.leads);
    const { child } = started;
    // Every fifth while it comes up, the others in its work.
    if (kill % 5 !== 0) await told(started, /leads from/);
    await Promise.race([sleep(systemClock, (random() * 2 * WORK_MS) / kills), started.ended]);
    if (child.exitCode === null) {
      process.kill(kill % 2 === 0 ? -(child.pid as number) : (child.pid as number), "SIGKILL");
      killed += 1;
    }
    await started.ended;
  }
  const end = await demo(folder, "--leads", values.leads);
  const { accepted, done, kept, lost, doubled, starts, wireAttemptsPerCall, apis } = reportOf(end);
  const seconds = Math.round((systemClock.monotonic() - startedAt) / 1_000);
  console.log(
    JSON.stringify({ killed, starts, accepted, done, kept, lost, doubled, enrolled: apis.sequencer.effects, wireAttemptsPerCall, seconds }),
  );
  // A run that was never in its work when it was killed would prove nothing.
  const enough = starts > killed / 2;
  const once = apis.sequencer.effects === done && apis.crm.effects === apis.sequencer.calls && done + kept === accepted;
  process.exitCode = end.code === 0 && lost === 0 && doubled === 0 && once && enough ? 0 : 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
