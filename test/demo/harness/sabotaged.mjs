// The main job with a fault put into it, to see that its figures find it out. Not a part of the product: it hands the demo
// other parts than its own.
//
//   node sabotaged.mjs lying-look-up | skipped-write | honest
import { runDemo } from "../../../src/cli/demo/run.ts";

const silent = { note: () => undefined, show: () => undefined, end: () => undefined };
const sabotages = {
  honest: {},
  // Says that no enrolment is there, whatever the sequencer has: what lost its answer is sent again.
  "lying-look-up": { questions: (honest) => ({ ...honest, enrolmentOf: async () => undefined }) },
  // Tells the job that every tenth lead was written to the CRM, and does not write it.
  "skipped-write": {
    steps: (honest) =>
      honest.map((step) => {
        if (step.api !== "crm") return step;
        return { ...step, take: (traveller) => (traveller.lead.id.endsWith("0") ? skip(traveller) : step.take(traveller)) };
      }),
  },
};

function skip(traveller) {
  traveller.contact = "contact-0";
  return Promise.resolve({ type: "passed" });
}

const report = await runDemo({ seed: 1, count: 200, speed: 20 }, { screen: silent, sabotage: sabotages[process.argv[2]] });
console.log(JSON.stringify(report));
process.exitCode = report.ok ? 0 : 1;
