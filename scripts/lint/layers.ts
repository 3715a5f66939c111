/**
 * The house as the linter knows it: who may import whom, what must load in a browser, and who may read clocks and dice.
 * The rules in `rules/` only look these tables up; `docs/architecture.md` shows the same layers as a picture.
 *
 * Paths are written from `src/`, without an extension: a folder stands for all that is in it.
 */

export interface Layer {
  /** What it may import besides itself. */
  readonly imports: readonly string[];
  /** What it may name in types only. */
  readonly types?: readonly string[];
  /** Whether it may import packages from `node_modules`. Nothing that `import "holdfast"` loads may. */
  readonly packages?: boolean;
}

const CENTRE = ["core", "policy", "ports", "engine", "api"];
const DOORS = ["client", "durable", "llm", "signals"];

/** The longest path that matches a file is its layer. */
export const LAYERS: Readonly<Record<string, Layer>> = {
  core: { imports: [] },
  policy: { imports: ["core"] },
  ports: { imports: ["core"] },
  engine: { imports: ["core", "policy", "ports"] },
  api: { imports: ["core", "policy", "engine"], types: ["ports"] },

  durable: { imports: CENTRE },
  llm: { imports: CENTRE },
  signals: { imports: CENTRE },
  // createHoldfast() puts the engine together: it hands adapters to the engine and opens the durable door.
  client: { imports: [...CENTRE, "durable", "signals", "adapters"] },
  // The face of the library: what `import "holdfast"` gives.
  index: { imports: [...CENTRE, ...DOORS] },

  adapters: { imports: ["core", "ports"], types: ["policy"] },
  "adapters/transport/undici": { imports: ["core", "ports"], types: ["policy"], packages: true },
  simulate: { imports: [...CENTRE, "durable", "adapters/store/memory"] },
  // A flaky server in a real test runs on the machine's own time unless it is handed another.
  testing: { imports: ["core", "ports", "adapters/clock"] },

  gateway: { imports: [...CENTRE, ...DOORS], packages: true },
  "gateway/serve": { imports: [...CENTRE, ...DOORS, "adapters"], packages: true },
  cli: { imports: [...CENTRE, ...DOORS, "adapters", "gateway", "simulate", "testing"], packages: true },
};

/**
 * What `import "holdfast"` can reach. It loads without Node: no `node:` import, and no global that only Node has.
 */
export const BROWSER_SAFE: readonly string[] = [
  "index",
  ...CENTRE,
  ...DOORS,
  "adapters/clock",
  "adapters/random",
  "adapters/transport/fetch",
  "adapters/store/memory",
  "adapters/coordinator/local",
  "adapters/events/console",
];

/** The places in {@link BROWSER_SAFE} that ask for Node and do without it where it is missing, each with what it asks for. */
export const NODE_IF_PRESENT: readonly string[] = [
  // process.getBuiltinModule?.("node:async_hooks"), so that nested calls share one deadline and budget.
  "engine/context",
  // process.env and process.getBuiltinModule?.("node:fs"), for secrets by reference.
  "api/secret",
  // The same, for refresh tokens that change with each answer.
  "api/oauth2",
  // process.getBuiltinModule?.("node:crypto"), because its SHA-256 is five times as fast as one in JavaScript.
  "policy/idempotency/sha256",
];

/** The places that may read clocks, set timers and roll dice. Everyone else is handed a Clock and a Random. */
export const CLOCK_PLACES: readonly string[] = ["adapters/clock", "adapters/random"];

/** Tests with real processes and sockets, which live on real time. Paths from the root of the repository. */
export const REAL_TIME_TESTS: readonly string[] = [
  ...["browser", "cli", "client", "crash", "demo", "docs", "examples", "exec", "gateway", "ground", "inbox", "lint", "package", "sdk"].map(
    (folder) => `test/${folder}`,
  ),
  "src/testing/flaky-api",
];

/** Whether `path` is `place` or lies in it. */
export function isWithin(path: string, place: string): boolean {
  return path === place || path.startsWith(`${place}/`) || path.startsWith(`${place}.`);
}

/** The layer of a file, by its path from `src/`. */
export function layerOf(path: string): string | undefined {
  const matches = Object.keys(LAYERS).filter((layer) => isWithin(path, layer));
  return matches.sort((a, b) => b.length - a.length)[0];
}

/** Tests beside their subject may import whatever they test it with. */
export function isTest(path: string): boolean {
  return /\.(?:test|test-d|bench)\.ts$/.test(path);
}
