/**
 * Prints a bill of materials (CycloneDX) of what the package loads at run time.
 *
 * `npm sbom --omit dev` leaves out what some tool needs as well (npm 11: undici and zod were missing), so this takes the whole bill and
 * keeps what can be reached from the package's own dependencies.
 *
 *     npm run sbom
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { repositoryRoot, run } from "./tools.ts";

interface Bill {
  readonly metadata: { readonly component: Record<string, unknown> };
  readonly components: readonly { readonly "bom-ref": string; readonly name: string }[];
  readonly dependencies: readonly { readonly ref: string; readonly dependsOn: readonly string[] }[];
}

const { code, output } = await run("npm", ["sbom", "--sbom-format", "cyclonedx", "--package-lock-only", "--workspaces=false"], {
  cwd: repositoryRoot,
  show: "capture",
});
if (code !== 0) throw new Error(`npm sbom failed:\n${output}`);
const { name, dependencies: own } = JSON.parse(readFileSync(join(repositoryRoot, "package.json"), "utf8")) as {
  readonly name: string;
  readonly dependencies: Readonly<Record<string, string>>;
};
const bill = JSON.parse(output.slice(output.indexOf("{"), output.lastIndexOf("}") + 1)) as Bill;
const edges = new Map(bill.dependencies.map(({ ref, dependsOn }) => [ref, dependsOn]));
const direct = Object.entries(own).map(([dependency, version]) => `${dependency}@${version}`);
const reached = new Set<string>();
for (const queue = [...direct]; queue.length > 0;) {
  const ref = queue.pop() as string;
  if (reached.has(ref)) continue;
  reached.add(ref);
  queue.push(...(edges.get(ref) ?? []));
}
const root = bill.metadata.component["bom-ref"] as string;
const told = {
  ...bill,
  metadata: { ...bill.metadata, component: { ...bill.metadata.component, name } },
  components: bill.components.filter((component) => reached.has(component["bom-ref"])),
  dependencies: [{ ref: root, dependsOn: direct }, ...bill.dependencies.filter(({ ref }) => reached.has(ref))],
};
console.log(JSON.stringify(told, undefined, 2));
