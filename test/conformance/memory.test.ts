import { describe, it } from "vitest";
import { memory } from "../../src/adapters/store/memory/index.ts";
import { storeConformance } from "../../src/testing/store-conformance.ts";

storeConformance({
  name: "memory",
  create: () => ({ open: memory() }),
  capabilities: { shared: true, persistent: true, coordinator: true, watermarks: true, steps: true, inbox: true, documents: true },
  describe,
  it,
});
