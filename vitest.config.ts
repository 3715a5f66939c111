import { availableParallelism } from "node:os";
import { join } from "node:path";
import { defineConfig, type ViteUserConfig } from "vitest/config";

/**
 * Type tests count as tests. The compiler checks them through tsconfig.json, which must include them: test/ground/type-tests.test.ts
 * proves that a wrong one fails. Faults in src are the types gate's affair.
 */
const TYPES = {
  enabled: true,
  checker: "tsc",
  include: ["test/types/**/*.test-d.ts"],
  tsconfig: "./tsconfig.json",
  ignoreSourceErrors: true,
};

/** Examples import what users import; here that is the source. */
const PACKAGE = {
  holdfast: "src/index.ts",
  "holdfast/sqlite": "src/adapters/store/sqlite/index.ts",
  "holdfast/postgres": "src/adapters/store/postgres/index.ts",
};

/** Run by `npm run test:system` and in the whole gate, not by `npm test`. */
const SYSTEM = [
  "test/conformance/postgres-pooler.test.ts",
  "test/crash/**/*.test.ts",
  "test/demo/{advice,kill}.test.ts",
  "test/exec/**/*.test.ts",
  "test/gateway/outage/**/*.test.ts",
  "test/gateway/canary/**/*.test.ts",
  "test/ground/bootstrap.test.ts",
  "test/package/**/*.test.ts",
  "test/postgres/{faults,model,outages,partitions,queue-faults}.test.ts",
  "test/queue/vanishing.test.ts",
  "test/sharing/processes.test.ts",
];

const BROWSER = "test/browser/**/*.test.ts";

const config: ViteUserConfig = defineConfig({
  resolve: {
    alias: Object.entries(PACKAGE).map(([name, file]) => ({ find: new RegExp(`^${name}$`), replacement: join(import.meta.dirname, file) })),
  },
  test: {
    // The processes that tests start compile what they share once (see scripts/bootstrap.mjs).
    env: { NODE_COMPILE_CACHE: join(import.meta.dirname, ".tmp", "compile-cache") },
    // Unit tests share a process, which costs half of one for each; what spans folders has one to itself.
    projects: [
      { extends: true, test: { name: "unit", include: ["{src,dashboard/src}/**/*.test.ts"], isolate: false } },
      { extends: true, test: { name: "whole", include: ["test/**/*.test.ts"], exclude: [...SYSTEM, BROWSER], typecheck: TYPES } },
      // What kills processes, crashes servers, compares with models and installs packages takes minutes: `npm run test:system`.
      { extends: true, test: { name: "system", include: SYSTEM } },
      // Asks for a Chromium, and for the built pages: `npm run test:browser`.
      { extends: true, test: { name: "browser", include: [BROWSER], fileParallelism: false, expect: { poll: { timeout: 15_000 } } } },
    ],
    // Processes, not threads: tests send signals, change directories and open SQLite files.
    pool: "forks",
    // More than the two cores that CI has, since many tests wait for a process or a server; half of a bigger machine.
    maxWorkers: Math.max(3, Math.floor(availableParallelism() / 2)),
    // Ample, because the machines are shared: a test that hangs is told all the same, and none is red for a slow neighbour.
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});

export default config;
