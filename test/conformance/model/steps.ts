import fc from "fast-check";
import type { Page, PageRequest } from "../../../src/ports/page.ts";
import { T0 } from "../../../src/testing/store-conformance/samples.ts";

/** One verb with what it is given, to be done on either store. */
export interface Step<Verbs> {
  readonly name: string;
  readonly run: (verbs: Verbs) => unknown;
}

/** What the subject answered and what the model did, step by step. */
export function answers<Verbs>(steps: readonly Step<Verbs>[], verbs: Verbs): unknown[] {
  return steps.map(({ name, run }) => [name, run(verbs)]);
}

/** Small domains, so that sequences meet themselves: few keys, few tokens, an hour of instants on a coarse grid. */
export const key: fc.Arbitrary<string> = fc.constantFrom("a", "b", "größe 🪸", "__proto__", "\0");
export const token: fc.Arbitrary<string> = fc.constantFrom("t1", "t2", "t3");
export const fingerprint: fc.Arbitrary<string> = fc.constantFrom("p1", "p1", "p1", "p2");
export const instant: fc.Arbitrary<number> = fc.integer({ min: 0, max: 20 }).map((step) => T0 + step * 1_000);
export const batch = <Item>(item: fc.Arbitrary<Item>): fc.Arbitrary<Item[]> => fc.array(item, { maxLength: 4, size: "max" });

export function step<Verbs, Verb extends keyof Verbs & string>(
  verb: Verb,
  args: fc.Arbitrary<Verbs[Verb] extends (...args: infer Arguments) => unknown ? Arguments : never>,
): fc.Arbitrary<Step<Verbs>> {
  return args.map((given) => ({
    name: `${verb}(${JSON.stringify(given)})`,
    run: (verbs) => (verbs[verb] as (...args: readonly unknown[]) => unknown)(...(given as readonly unknown[])),
  }));
}

export const labels: fc.Arbitrary<Record<string, string>> = fc.dictionary(
  fc.constantFrom("lead", "__proto__", "größe"),
  fc.constantFrom("1", "2\0"),
  { maxKeys: 2 },
);

/** All pages of a listing, as a step, of a store that answers at once or with a promise. Cursors are each backend's own. */
export function wholeListing<Verbs>(
  name: string,
  wanted: fc.Arbitrary<object>,
  list: (verbs: Verbs, filter: object, page: PageRequest) => Page<unknown> | Promise<Page<unknown>>,
): fc.Arbitrary<Step<Verbs>> {
  return fc.tuple(wanted, fc.integer({ min: 1, max: 4 })).map(([chosen, limit]) => ({
    name: `${name}(${JSON.stringify(chosen)}) by ${limit}`,
    run: (verbs) => {
      const pages: unknown[] = [];
      const add = ({ items, next }: Page<unknown>): unknown => {
        pages.push(items);
        return next === null ? pages : turn(next);
      };
      const turn = (after?: string): unknown => {
        const page = list(verbs, chosen, { limit, ...(after !== undefined && { after }) });
        return page instanceof Promise ? page.then(add) : add(page);
      };
      return turn();
    },
  }));
}
