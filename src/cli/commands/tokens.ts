import { Command } from "commander";
import type { TokenScope } from "../../api/token-options.ts";
import { TOKEN_SCOPES } from "../../api/token-options.ts";
import { withDesk, type DeskOptions } from "../desk/desk.ts";
import { oneOf } from "../letter-filter.ts";
import { oneLine, table } from "../output/text.ts";
import { deskCommand } from "../store-command.ts";
import { readRate } from "../read-rate.ts";

interface TokenLine {
  readonly name: string;
  readonly scopes: readonly TokenScope[];
  readonly apis?: readonly string[];
  readonly account?: string;
  readonly rateLimit?: { readonly limit: number; readonly perMs: number; readonly burst: number };
  readonly expiresAt?: number;
  readonly createdAt: number;
}

/** `holdfast tokens`: who may use the gateways over a store, beside those of the config. */
export function tokensCommand(): Command {
  return new Command("tokens")
    .description("tokens of the gateway that stand in the store; those of the config are taken out there")
    .addHelpText("after", "\nExample:\n  $ holdfast tokens create worker --scope call --api crm")
    .addCommand(listCommand())
    .addCommand(createCommand())
    .addCommand(revokeCommand());
}

function listCommand(): Command {
  return deskCommand("list")
    .description("tokens, without what would let anybody in")
    .option("--json", "print JSON, one token a line")
    .addHelpText("after", "\nExample:\n  $ holdfast tokens list --url http://127.0.0.1:4180")
    .action(async (options: DeskOptions & { readonly json?: true }) => {
      const { items } = await withDesk(options, "store", (desk) => desk.ask<{ items: readonly TokenLine[] }>("GET", "/v1/tokens"));
      if (options.json === true) for (const token of items) console.log(JSON.stringify(token));
      else if (items.length === 0) console.log("no tokens");
      else
        process.stdout.write(
          table(
            ["name", "scopes", "apis", "account", "made", "ends"].map((name) => ({ name })),
            items.map(rowOf),
          ),
        );
    });
}

function instant(at: number): string {
  return new Date(at).toISOString();
}

function rowOf({ name, scopes, apis, account, createdAt, expiresAt }: TokenLine): string[] {
  return [
    oneLine(name, 64),
    scopes.join(", "),
    oneLine(apis?.join(", ") ?? "all", 60),
    oneLine(account ?? "", 40),
    instant(createdAt),
    expiresAt === undefined ? "never" : instant(expiresAt),
  ];
}

interface CreateOptions extends DeskOptions {
  readonly scope: readonly TokenScope[];
  readonly api?: readonly string[];
  readonly account?: string;
  readonly rate?: { readonly limit: number; readonly per: string };
  readonly expiresIn?: string;
  readonly reason?: string;
  readonly json?: true;
}

function createCommand(): Command {
  return deskCommand("create")
    .description("make a token; it is shown this once, and kept as a hash")
    .argument("<name>", "names it in the audit log")
    .requiredOption(
      "--scope <scope>",
      `what it may do: ${TOKEN_SCOPES.join(", ")}; may be given again`,
      (text, before: readonly TokenScope[] | undefined) => again(oneOf(TOKEN_SCOPES, text), before),
    )
    .option("--api <name>", "only this API; may be given again", (text, before: readonly string[] | undefined) => again(text, before))
    .option("--account <name>", "acts for this account, and sees no other")
    .option("--rate <limit/time>", "requests that it may make, such as 10/1s", readRate)
    .option("--expires-in <duration>", "is worth nothing after that, such as 90d")
    .option("--reason <text>", "why; for the audit log")
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  $ holdfast tokens create worker --scope call --scope read --api crm --expires-in 90d")
    .action(async (name: string, { scope, api, account, rate, expiresIn, reason, json, ...options }: CreateOptions) => {
      const body = { name, scopes: scope, apis: api, account, rateLimit: rate, expiresIn, reason };
      const made = await withDesk(options, "store", (desk) => desk.ask<TokenLine & { token: string }>("POST", "/v1/tokens", { body }));
      // Alone on stdout, so that it can go straight to where it is kept.
      console.log(json === true ? JSON.stringify(made) : made.token);
      if (json !== true) console.error(`holdfast: this is the token ${name}; it is not shown again`);
    });
}

/** An option that may be given again. */
function again<Item>(item: Item, before: readonly Item[] = []): readonly Item[] {
  return [...before, item];
}

function revokeCommand(): Command {
  return deskCommand("revoke")
    .description("take a token back; every gateway over the store notices within seconds")
    .argument("<name>", "its name")
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  $ holdfast tokens revoke worker")
    .action(async (name: string, { json, ...options }: DeskOptions & { readonly json?: true }) => {
      const answer = await withDesk(options, "store", (desk) => desk.ask("DELETE", `/v1/tokens/${encodeURIComponent(name)}`));
      console.log(json === true ? JSON.stringify(answer) : `revoked: ${name}`);
    });
}
