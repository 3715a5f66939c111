import { Command } from "commander";
import { ConfigError } from "../../core/errors.ts";
import { resolveApi } from "../../api/resolve-api.ts";
import { loadConfig } from "../config-file.ts";

/** `holdfast config`: what a config says. */
export function configCommand(): Command {
  return new Command("config")
    .description("the config")
    .addCommand(
      new Command("check")
        .description("read the config, refuse what is wrong, and tell what is in force for each API")
        .option("--config <file>", "the config (default: holdfast.config.ts, .js or .json)")
        .option("--json", "print JSON")
        .addHelpText("after", "\nExample:\n  $ holdfast config check --config holdfast.config.json")
        .action(runCheck),
    );
}

async function runCheck(options: { readonly config?: string; readonly json?: true }): Promise<void> {
  const loaded = await loadConfig(options.config);
  if (loaded === undefined)
    throw new ConfigError({ path: "--config", message: "there is no holdfast.config.ts, .js or .json here; name one with --config" });
  const apis = Object.entries(loaded.config.apis).map(([name, definition]) => {
    const api = resolveApi(name, definition);
    const { policy, durability } = api.settings("*");
    return {
      name,
      baseUrl: api.baseUrl?.href ?? null,
      maxAttempts: policy.maxAttempts,
      attemptTimeoutsMs: policy.attemptTimeoutsMs.map((ms) => (Number.isFinite(ms) ? ms : null)),
      totalMs: policy.totalMs,
      durability,
      rateLimits: api.rateLimits,
      breaker: api.breaker !== undefined,
      honoursKeys: api.idempotency !== undefined,
    };
  });
  if (options.json === true) {
    console.log(JSON.stringify({ file: loaded.file, store: loaded.config.store ?? "memory:", apis }, null, 2));
    return;
  }
  console.log(`${loaded.file} is good; store ${loaded.config.store ?? "memory:"}`);
  for (const api of apis) {
    const limits = api.rateLimits.map(({ limit, perMs, burst }) => `${limit} per ${perMs} ms, burst ${burst}`);
    console.log(
      `  ${api.name}: ${api.baseUrl ?? "any URL"}, ${api.maxAttempts} attempts in ${api.totalMs} ms, ${api.durability}, breaker ${api.breaker ? "on" : "off"}, ` +
        `${api.honoursKeys ? "honours keys" : "key-blind"}${limits.length === 0 ? "" : `, ${limits.join(" and ")}`}`,
    );
  }
}
