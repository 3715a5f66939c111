import { storeConformance, type StoreCapabilities, type StoreUnderTest } from "../../src/testing/store-conformance.ts";

/** Runs the suite, or one rule of it, on a store, outside the test runner. Gives the names of the rules that the store breaks. */
export async function failures(create: () => StoreUnderTest, capabilities: StoreCapabilities, only?: string): Promise<string[]> {
  const rules: { readonly name: string; readonly body: () => Promise<void> }[] = [];
  storeConformance({
    name: "under suspicion",
    create,
    capabilities,
    describe: (_name, body) => body(),
    it: (name, body) => {
      if (only === undefined || name === only) rules.push({ name, body });
    },
  });
  if (rules.length === 0) throw new Error(`the suite has no rule ${String(only)}`);
  const broken: string[] = [];
  for (const { name, body } of rules) {
    await body().catch(() => broken.push(name));
  }
  return broken;
}
