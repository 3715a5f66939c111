import { availableParallelism } from "node:os";
import { defineConfig, type ViteUserConfig } from "vitest/config";

const config: ViteUserConfig = defineConfig({
  test: {
    include: ["src/**/*.test.ts", "test/**/*.test.ts"],
    // Processes, not threads: tests send signals, change directories and open SQLite files.
    pool: "forks",
    // Both of the two cores that CI has, half of a bigger machine.
    maxWorkers: Math.max(2, Math.floor(availableParallelism() / 2)),
    // Ample, because the machines are shared: a test that hangs is told all the same, and none is red for a slow neighbour.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    typecheck: {
      // Type tests count as tests. The compiler checks them through tsconfig.json, which must include them:
      // test/ground/type-tests.test.ts proves that a wrong one fails. Faults in src are the types gate's affair.
      enabled: true,
      checker: "tsc",
      include: ["test/types/**/*.test-d.ts"],
      tsconfig: "./tsconfig.json",
      ignoreSourceErrors: true,
    },
  },
});

export default config;
