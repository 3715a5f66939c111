import type { HintHeader } from "../../policy/hints/parse-hint.ts";
import type { Rule } from "../../policy/classify/rule.ts";
import type { ApiOptions, EndpointOptions } from "../api-options.ts";

/**
 * How a fact is known: the provider's `documentation` was read; others quote the documentation word for word, but the page
 * itself was not read (`quoted`); the provider's own `sdk` does so; or it was `observed` in answers or code that others have
 * published.
 */
export type Basis = "documentation" | "quoted" | "sdk" | "observed";

export interface Source {
  readonly basis: Basis;
  /** Where it stands. Missing where what was observed stood in many places. */
  readonly url?: string;
  /** What is said there, in short. */
  readonly says: string;
}

/** A datum of a provider with where it comes from. */
export interface Fact<Value> {
  readonly value: Value;
  readonly source: Source;
}

/** A rule of the catalog has a name, by which its verdicts are known wherever they are shown. */
export type CatalogRule = Rule & { readonly id: string };

/** What is known of a provider. The reference page is made of it; the entry that users spread in is its values. */
export interface ProviderFacts {
  /** As people write it. */
  readonly title: string;
  /** The name of the entry. */
  readonly name: string;
  /** The day on which the sources were read. */
  readonly read: string;
  /** What the user adds: where it stands, if that differs from user to user, and the credential. TypeScript, for the page. */
  readonly usage: string;
  /** Options of the API as a whole. */
  readonly options: {
    readonly [Name in Exclude<keyof ApiOptions, "classify" | "hintHeaders" | "endpoints">]?: Fact<NonNullable<ApiOptions[Name]>>;
  };
  readonly classify: readonly Fact<CatalogRule>[];
  readonly hintHeaders: readonly Fact<HintHeader>[];
  readonly endpoints: Readonly<Record<string, Fact<EndpointOptions>>>;
  /** What was left out on purpose, and why: a limit that differs from account to account, a key that is not honoured. */
  readonly leftOut: readonly Fact<string>[];
}

export function fact<const Value>(value: Value, source: Source): Fact<Value> {
  return { value, source };
}

export function documented(url: string, says: string): Source {
  return { basis: "documentation", url, says };
}

export function quoted(url: string, says: string): Source {
  return { basis: "quoted", url, says };
}

export function inSdk(url: string, says: string): Source {
  return { basis: "sdk", url, says };
}

export function observed(says: string, url?: string): Source {
  return { basis: "observed", ...(url === undefined ? {} : { url }), says };
}
