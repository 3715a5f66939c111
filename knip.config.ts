import { readFileSync } from "node:fs";
import type { KnipConfig } from "knip";

const manifest = JSON.parse(readFileSync(new URL("package.json", import.meta.url), "utf8")) as {
  exports: Record<string, { default?: string }>;
  bin: Record<string, string>;
};

/** The sources of what package.json publishes. */
const published = [...Object.values(manifest.exports).map((entry) => entry.default), ...Object.values(manifest.bin)].flatMap((path) =>
  path === undefined ? [] : [path.replace(/^(?:\.\/)?dist\//, "src/").replace(/\.js$/, ".ts")],
);

const config: KnipConfig = {
  ignoreExportsUsedInFile: true,
  workspaces: {
    ".": {
      entry: [
        ...published,
        // Threads, started by a URL.
        "src/adapters/store/sqlite/{writer,reader}.ts",
        // A process, likewise.
        "src/cli/demo/apis-process.ts",
        "test/crash/loop/{main,worker-process}.ts",
        "test/demo/crash/main.ts",
        "test/gateway/outage/main.ts",
        "scripts/*.{ts,mjs}",
        "test/**/harness/*.mjs",
        "test/types/**/*.test-d.ts",
      ],
      project: ["src/**/*.ts", "scripts/**/*.{ts,mjs}", "test/**/*.{ts,mjs}"],
      // The machine's own, for a disk that is full, or fails.
      ignoreBinaries: ["cc", "mount", "systemd-analyze", "umount"],
      // Commands that scripts start by name, through scripts/bootstrap.mjs.
      ignoreDependencies: ["@arethetypeswrong/cli", "oxlint", "oxlint-tsgolint", "publint"],
    },
    // Its fonts are named by style sheets only.
    dashboard: {
      project: ["src/**/*.{ts,tsx}"],
      ignoreDependencies: ["@fontsource-variable/inter", "@fontsource-variable/jetbrains-mono"],
    },
    // main.ts loads the suites by their names; child.ts is a process.
    bench: {
      entry: [
        "main.ts",
        "suites/*.ts",
        "{queue,gateway,dashboard}/suite.ts",
        "gateway/soak.ts",
        "queue/{parked,child}.ts",
        "gateway/{upstream,load}.ts",
        "gateway/proxies/*.ts",
      ],
      project: ["**/*.ts"],
      ignoreBinaries: ["redis-server", "nginx", "taskset"],
    },
  },
};

export default config;
