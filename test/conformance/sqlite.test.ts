import { describe, it } from "vitest";
import { storeConformance } from "../../src/testing/store-conformance.ts";
import { sqliteSubject } from "./sqlite-subject.ts";

// Side by side, because most of a test is waiting for a thread to start.
storeConformance({
  name: "sqlite",
  create: sqliteSubject,
  capabilities: { shared: true, persistent: true, crash: true, coordinator: true, watermarks: true, steps: true, inbox: true },
  describe,
  it: it.concurrent,
});
