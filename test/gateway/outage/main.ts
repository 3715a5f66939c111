/**
 * The outage drill as a person runs it.
 *
 *     npm run drill                       an API is away for 60 s
 *     npm run drill -- --seconds 300      for longer
 *
 * The exit code is 0 only if everything that was accepted arrived once, and the API never had more than it can take.
 */
import { parseArgs } from "node:util";
import { drill } from "./drill.ts";

const { values } = parseArgs({ options: { seconds: { type: "string", default: "60" } } });
const seconds = Number(values.seconds);
if (!(seconds > 0)) throw new RangeError(`--seconds is ${values.seconds}; give a number above 0`);
const report = await drill({ outageMs: seconds * 1_000, calmMs: 5_000, writesPerSecond: 40, openFor: "2000ms", maxOpenFor: "10000ms" });
console.log(JSON.stringify(report, undefined, 2));
const { refused, missing, doubled, deadLetters, overLimit, other } = report;
process.exitCode = refused + missing + doubled + deadLetters + overLimit + other.failed === 0 ? 0 : 1;
