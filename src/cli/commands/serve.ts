import { createHash } from "node:crypto";
import { Command, InvalidArgumentError } from "commander";
import { resolveTokens } from "../../api/token-options.ts";
import { ConfigError } from "../../core/errors.ts";
import type { ApiChanges } from "../../client/open-apis.ts";
import { loadConfig } from "../config-file.ts";
import { reloadOnChange } from "../config-reload.ts";
import { exitCodes } from "../exit-codes.ts";
import { readPort } from "../read-port.ts";
import { storeFactory, targetOf } from "../store-factory.ts";
import { version } from "../version.ts";

interface ServeCommandOptions {
  readonly config?: string;
  readonly host: string;
  readonly port: number;
  readonly apiPort: Readonly<Record<string, number>>;
}

const EXAMPLES = `
Examples:
  $ holdfast serve --config holdfast.config.json
  $ holdfast serve --host 0.0.0.0 --port 4180     (takes tokens in the config)
  $ holdfast serve --api-port stripe=4181

Then, in any language: base URL http://127.0.0.1:4180/to/NAME, where NAME stands under apis in the config.
SIGHUP, or a change of the config's file, takes its APIs and tokens without dropping a call.
It ends at Ctrl-C or SIGTERM, once what is under way has ended (gateway.grace); a second one ends it at once.
docs/guide/gateway.md tells the rest.`;

/** `holdfast serve`: the gateway. */
export function serveCommand(): Command {
  return new Command("serve")
    .description("run the gateway: calls of any language go through it, under the limits and retries of the config")
    .option("--config <file>", "the config (default: holdfast.config.ts, .js or .json)")
    .option("--host <address>", "address to listen on; one that others can reach takes tokens in the config", "127.0.0.1")
    .option("--port <number>", "port; 0 takes a free one", readPort, 4180)
    .option(
      "--api-port <name=port>",
      "a port of its own for an API whose client knows a host and no path; may be given several times",
      readApiPort,
      {},
    )
    .addHelpText("after", EXAMPLES)
    .action(runServe);
}

/** Such as `stripe=4181`. */
function readApiPort(value: string, before: Readonly<Record<string, number>>): Readonly<Record<string, number>> {
  const at = value.lastIndexOf("=");
  if (at < 1) throw new InvalidArgumentError("Give an API and a port, such as stripe=4181.");
  return { ...before, [value.slice(0, at)]: readPort(value.slice(at + 1)) };
}

async function runServe({ config: named, host, port, apiPort }: ServeCommandOptions): Promise<void> {
  const loaded = await loadConfig(named);
  if (loaded === undefined) {
    throw new ConfigError({ path: "--config", message: "there is no holdfast.config.ts, .js or .json here; name one with --config" });
  }
  const { apis, tokens = [], worker, pipelines, deadLetters, gateway, inboxes, alerts, callbacks } = loaded.config;
  // Loaded when it is called for: the other commands start without it.
  const { serve } = await import("../../gateway/serve.ts");
  const running = await serve({
    apis,
    store: await storeFactory(targetOf(loaded)),
    tokens: resolveTokens(tokens, hash),
    engine: {
      ...(worker === undefined ? {} : { worker }),
      ...(pipelines === undefined ? {} : { pipelines }),
      ...(deadLetters === undefined ? {} : { deadLetters }),
      ...(alerts === undefined ? {} : { alerts }),
    },
    ...(callbacks === undefined ? {} : { callbacks }),
    ...(gateway === undefined ? {} : { gateway }),
    ...(inboxes === undefined ? {} : { inboxes }),
    host,
    port,
    apiPorts: apiPort,
    version: version(),
    log,
  });
  const stopReloading = reloadOnChange(
    loaded,
    (config) => told(running.reload({ apis: config.apis, tokens: resolveTokens(config.tokens ?? [], hash) })),
    log,
  );
  const ended = signalled();
  for (const [name, url] of Object.entries(running.apiUrls)) console.log(`${name} at ${url}`);
  console.log(`listening on ${running.url}`);
  const signal = await ended;
  console.log(`${signal}: ending; what is under way goes on`);
  stopReloading();
  await running.close();
  process.exitCode = exitCodes.ok.code;
}

function hash(token: string): string {
  return createHash("sha256").update(token).digest("hex");
}

function log(line: string): void {
  console.error(`holdfast: ${line}`);
}

function told(changes: ApiChanges): string {
  const parts = Object.entries(changes).flatMap(([what, names]: [string, readonly string[]]) =>
    names.length === 0 ? [] : [`${what}: ${names.join(", ")}`],
  );
  return parts.join("; ") || "no API changed";
}

const SIGNALS = ["SIGINT", "SIGTERM"] as const;

/** Resolves at the first signal; a second one ends the process as usual. */
function signalled(): Promise<(typeof SIGNALS)[number]> {
  return new Promise((resolve) => {
    const end = (signal: (typeof SIGNALS)[number]): void => {
      for (const one of SIGNALS) process.off(one, end);
      resolve(signal);
    };
    for (const one of SIGNALS) process.on(one, end as NodeJS.SignalsListener);
  });
}
