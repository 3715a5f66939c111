/**
 * Does a batch in which one key may occur several times. One statement can do what touches each key once, and would not see its
 * own earlier rows; so the batch is done in waves, the n-th occurrence of each key in the n-th. Most batches are one wave.
 */
export async function inWaves<Item, Result>(
  items: readonly Item[],
  keyOf: (item: Item) => string,
  perform: (wave: readonly Item[]) => Promise<readonly Result[]>,
): Promise<readonly Result[]> {
  const occurrences = new Map<string, number>();
  const waves: number[][] = [];
  for (const [index, item] of items.entries()) {
    const key = keyOf(item);
    const wave = occurrences.get(key) ?? 0;
    occurrences.set(key, wave + 1);
    (waves[wave] ??= []).push(index);
  }
  if (waves.length <= 1) return waves.length === 0 ? [] : perform(items);
  const results: Result[] = [];
  for (const wave of waves) {
    const answers = await perform(wave.map((index) => items[index] as Item));
    for (const [position, index] of wave.entries()) results[index] = answers[position] as Result;
  }
  return results;
}
