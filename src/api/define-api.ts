import type { ApiOptions } from "./api-options.ts";
import { resolveApi } from "./resolve-api.ts";

/**
 * Describes an API; a mistake is told here, where it was made. Options of a catalog entry can be spread in and overridden.
 *
 * @throws ConfigError that names the option by its path.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { defineApi } from "holdfast";
 *
 * const crm = defineApi({ baseUrl: "https://api.example.com", profile: "crm", rateLimit: { limit: 10, per: "1s" } });
 * assert.equal(crm.profile, "crm");
 * assert.throws(() => defineApi({ baseUrl: "api.example.com" }), /full http or https URL/);
 * ```
 */
export function defineApi<const Options extends ApiOptions>(options: Options): Options {
  resolveApi("(defineApi)", options);
  return options;
}
