/**
 * A process whose disk begins to fail and is mended again. Arguments: the store's path, the file that says how the disk fails, and
 * how it does. Says on stdout, as JSON, what it was told.
 */
import { rmSync, writeFileSync } from "node:fs";
import { sqlite } from "../../src/adapters/store/sqlite/index.ts";
import { letter, operation } from "../../src/testing/store-conformance/samples.ts";

const [path = "", control = "", fault = ""] = process.argv.slice(2);

const store = await sqlite(path)();
const kept: number[] = [];
const refused: { readonly number: number; readonly code: unknown; readonly message: string }[] = [];
const add = async (number: number): Promise<void> => {
  try {
    await store.operations?.accept([operation(number)]);
    await store.deadLetters.add([letter(number)]);
    kept.push(number);
  } catch (error) {
    refused.push({ number, code: (error as { code?: unknown }).code, message: (error as Error).message });
  }
};
for (let number = 0; number < 20; number += 1) await add(number);
writeFileSync(control, fault);
await Promise.all(Array.from({ length: 5 }, (_, index) => add(20 + index)));
rmSync(control);
// Mended, but not opened again: nothing is written, since nobody knows what the file looks like.
await add(25);
await store.close().catch(() => undefined);

const reopened = await sqlite(path)();
const { faults } = await reopened.check();
const found: number[] = [];
const halves: number[] = [];
for (let number = 0; number < 26; number += 1) {
  const [one, other] = [await reopened.operations?.get(operation(number).id), await reopened.deadLetters.get(letter(number).id)];
  if (one !== undefined && other !== undefined) found.push(number);
  if (other !== undefined && other.attempts.length !== 2) halves.push(number);
}
await reopened.deadLetters.add([letter(100)]);
const works = (await reopened.deadLetters.get(letter(100).id)) !== undefined;
await reopened.close();
process.stdout.write(JSON.stringify({ kept, refused, faults, found, halves, works }));
