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
    transport: (honest) => async (url, init) => {
      const skipped = url.endsWith("/contacts") && /"lead":"[^"]*0"/.test(String(init.body));
      return skipped ? Response.json({ id: "contact-0" }, { status: 201 }) : await honest(url, init);
    },
  },
};

const report = await runDemo({ seed: 1, count: 200, speed: 20 }, { screen: silent, sabotage: sabotages[process.argv[2]] });
console.log(JSON.stringify(report));
process.exitCode = report.ok ? 0 : 1;
