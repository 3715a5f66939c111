import { storeConformance, type StoreCapabilities, type StoreUnderTest } from "../../src/testing/store-conformance.ts";

/** Runs the suite on a store, outside the test runner, and gives the names of the rules that the store breaks. */
export async function failures(create: () => StoreUnderTest, capabilities: StoreCapabilities): Promise<string[]> {
  const rules: { readonly name: string; readonly body: () => Promise<void> }[] = [];
  storeConformance({
    name: "under suspicion",
    create,
    capabilities,
    describe: (_name, body) => body(),
    it: (name, body) => void rules.push({ name, body }),
  });
  const broken: string[] = [];
  for (const { name, body } of rules) {
    await body().catch(() => broken.push(name));
  }
  return broken;
}
