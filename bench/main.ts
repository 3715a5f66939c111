/**
 * Measures Holdfast beside its peers.
 *
 *     npm run bench                      all suites that need nothing but this repository, as a table
 *     npm run bench -- queue             beside other queues: needs PostgreSQL and redis-server, and installs those queues
 *     npm run bench -- gateway           beside other proxies, which it installs
 *     npm run bench -- gateway-soak --minutes 10    whether its memory stays flat
 *     npm run bench -- dashboard         answers of the gateway over a million operations: needs PostgreSQL
 *     npm run bench -- retry pending     some of them
 *     npm run bench -- --json            one line of JSON for each figure
 *     npm run bench -- --quick           hardly anything is measured: to see that it runs
 *
 * Every suite runs in a process of its own, so that none compiles or litters the code of another. It is a report: the exit
 * code is 0 also when an aim does not hold, and 1 only when a suite could not run.
 */
import { spawn } from "node:child_process";
import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { cells, table, type Figure, type Suite } from "./figure.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: "boolean", default: false },
    quick: { type: "boolean", default: false },
    /** Of the suites that last as long as they are told to. */
    minutes: { type: "string" },
    /** This process is a suite's own. */
    only: { type: "string" },
  },
});

const minutes = values.minutes === undefined ? undefined : Number(values.minutes);
if (minutes !== undefined && !(minutes > 0)) {
  console.error(`--minutes is ${values.minutes}; give a number above 0`);
  process.exit(2);
}

/** Suites that run only when they are asked for by name. */
const onRequest: Readonly<Record<string, string>> = {
  "queue-sqlite": "./queue/suite.ts",
  "queue-postgres": "./queue/suite.ts",
  parked: "./queue/parked.ts",
  "dashboard-sqlite": "./dashboard/suite.ts",
  "dashboard-postgres": "./dashboard/suite.ts",
  "gateway-proxy": "./gateway/suite.ts",
  "gateway-soak": "./gateway/soak.ts",
};
/** Several of them by one name. */
const groups: Readonly<Record<string, readonly string[]>> = {
  queue: ["queue-sqlite", "queue-postgres"],
  dashboard: ["dashboard-sqlite", "dashboard-postgres"],
  gateway: ["gateway-proxy", "fetch"],
};

const names = readdirSync(new URL("suites/", import.meta.url))
  .filter((file) => file.endsWith(".ts"))
  .map((file) => file.slice(0, -".ts".length))
  .sort();

if (values.only === undefined) await report();
else await measure(values.only);

/** Runs one suite here and writes its figures, one a line. */
async function measure(name: string): Promise<void> {
  for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => process.exit(1));
  for (const figure of await (await suiteOf(name)).run(values.quick, minutes)) process.stdout.write(`${JSON.stringify(figure)}\n`);
  // What a peer leaves running holds nobody up.
  process.exit(0);
}

async function suiteOf(name: string): Promise<Suite> {
  const file = onRequest[name];
  if (file === undefined) return ((await import(`./suites/${name}.ts`)) as { readonly suite: Suite }).suite;
  const { suites } = (await import(file)) as { readonly suites: Readonly<Record<string, Suite>> };
  return suites[name] as Suite;
}

async function report(): Promise<void> {
  const unknown = positionals.filter((name) => ![...names, ...Object.keys(onRequest), ...Object.keys(groups)].includes(name));
  if (unknown.length > 0) {
    console.error(
      `there is no suite named ${unknown.join(", ")}; there are ${[...names, ...Object.keys(groups), ...Object.keys(onRequest)].join(", ")}`,
    );
    process.exitCode = 2;
    return;
  }
  const figures: Figure[] = [];
  for (const name of positionals.length === 0 ? names : positionals.flatMap((given) => groups[given] ?? [given])) {
    if (!values.json) process.stderr.write(`measuring ${name} …\n`);
    figures.push(...(await figuresOf(name)));
  }
  if (values.json) return;
  console.log(table([["figure", "value", "ratio", "against", "aim", ""], ...figures.map(cells)]));
  const missed = figures.filter(({ holds }) => holds === false).length;
  const aims = figures.filter(({ aim }) => aim !== null).length;
  console.log(`\n${aims - missed} of ${aims} aims hold. Values depend on the machine and what else it does; ratios less so.`);
}

/** Runs one suite in a process of its own. */
async function figuresOf(name: string): Promise<readonly Figure[]> {
  const args = [
    fileURLToPath(import.meta.url),
    "--only",
    name,
    ...(values.quick ? ["--quick"] : []),
    ...(minutes === undefined ? [] : ["--minutes", String(minutes)]),
  ];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  const end = (): void => void child.kill();
  process.once("SIGTERM", end);
  let output = "";
  for await (const chunk of child.stdout.setEncoding("utf8")) output += String(chunk);
  const code = child.exitCode ?? (await new Promise<number | null>((resolve) => child.once("exit", resolve)));
  process.removeListener("SIGTERM", end);
  if (code !== 0) {
    console.error(`the suite ${name} ended with ${code ?? child.signalCode}`);
    process.exitCode = 1;
    return [];
  }
  if (values.json) process.stdout.write(output);
  return output
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Figure);
}
