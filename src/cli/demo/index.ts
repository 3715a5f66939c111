/** What the command needs of the demo. */
export { serveMended } from "./mended.ts";
export { printed } from "./report.ts";
export { runDemo, SupersededError } from "./run.ts";
export { screenFor } from "./screens.ts";
export type { Look } from "./dashboard.ts";
export type { DemoReport } from "./report.ts";
