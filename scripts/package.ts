/**
 * Checks the package as its users will meet it: what publint and "are the types wrong" say of the packed tarball, and
 * the tests in `test/package`, which install it.
 *
 *     npm run package                  all of it
 *     npm run package -- --no-tests    without the tests, where `npm test` runs them anyway
 */
import { rmSync } from "node:fs";
import { parseArgs } from "node:util";
import { packInto } from "./pack.ts";
import { runTool, temporaryFolder } from "./tools.ts";

const { values } = parseArgs({ options: { tests: { type: "boolean", default: true } }, allowNegative: true });

const folder = temporaryFolder("package");
try {
  const { tarball } = await packInto(folder);
  const steps = [
    () => runTool("publint", ["run", tarball, "--strict"]),
    // The package is ESM only, which `require` of a Node that package.json asks for can load.
    () => runTool("attw", [tarball, "--profile", "esm-only", "--no-emoji"]),
    ...(values.tests ? [() => runTool("vitest", ["run", "test/package"])] : []),
  ];
  for (const step of steps) {
    const { code } = await step();
    if (code !== 0) process.exitCode = 1;
  }
} finally {
  rmSync(folder, { recursive: true });
}
