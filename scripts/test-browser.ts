/**
 * The tests in a real browser: the dashboard as it is published, over a store that the main job has filled.
 *
 *     npm run test:browser
 *
 * Pictures of every page, in light, dark and at a phone's width, are left in `.tmp/pictures/`.
 */
import { ensureBrowser } from "./browser.ts";
import { buildDashboard } from "./dashboard.ts";
import { runTool } from "./tools.ts";

process.env["HOLDFAST_TEST_BROWSER"] = await ensureBrowser();
await buildDashboard();
const { code } = await runTool("vitest", ["run", "--project", "browser", ...process.argv.slice(2)]);
process.exitCode = code;
