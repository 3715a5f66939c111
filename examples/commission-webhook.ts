/**
 * A webhook that tells of a paid invoice, and a commission that must not be paid twice.
 *
 *     BILLING_WEBHOOK_SECRET=whsec_… PORT=8080 node examples/commission-webhook.ts
 *
 * Billing sends each event until it is answered with a 2xx, and now and then once more. Each is taken once by its id, on disk before
 * it is acknowledged. The calculation is one transaction: killed in the middle, it has not happened, so that it may run again; and
 * the event's id is the row's key, so that nothing that goes wrong can make a second row.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { DatabaseSync } from "node:sqlite";
import { createHoldfast, env, type InboxEvent } from "holdfast";
import { sqlite } from "holdfast/sqlite";

interface InvoicePaid {
  readonly type: "invoice.paid";
  readonly data: { readonly seller: string; readonly amount_cents: number };
}

const RATE_PERCENT = 10;

export interface CommissionService {
  readonly server: Server;
  readonly close: () => Promise<void>;
}

/** Starts the service. `files` is a folder for its two databases. */
export async function commissionService(files: string, port: number): Promise<CommissionService> {
  const ledger = new DatabaseSync(`${files}/commissions.db`);
  ledger.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL");
  ledger.exec("CREATE TABLE IF NOT EXISTS commission (event TEXT PRIMARY KEY, seller TEXT NOT NULL, cents INTEGER NOT NULL) STRICT");
  ledger.exec("CREATE TABLE IF NOT EXISTS balance (seller TEXT PRIMARY KEY, cents INTEGER NOT NULL) STRICT");
  // A calculation takes milliseconds: what a process had that was killed is free again after three seconds.
  const hf = await createHoldfast({ apis: {}, store: sqlite(`${files}/holdfast.db`), worker: { lease: "3s" } });
  const receive = hf.inbox({
    source: "billing",
    verify: { scheme: "standard-webhooks", secret: env("BILLING_WEBHOOK_SECRET") },
    handler: (event) => pay(ledger, event),
    repeatable: true,
  });
  const server = createServer((request, response) => void answer(request, response, receive));
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  return {
    server,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await hf.close();
      ledger.close();
    },
  };
}

/** The commission of one invoice: both rows, or none. */
function pay(ledger: DatabaseSync, event: InboxEvent): void {
  const { type, data } = event.json() as InvoicePaid;
  if (type !== "invoice.paid") return;
  const cents = Math.round((data.amount_cents * RATE_PERCENT) / 100);
  ledger.exec("BEGIN IMMEDIATE");
  try {
    const { changes } = ledger
      .prepare("INSERT INTO commission VALUES (?, ?, ?) ON CONFLICT (event) DO NOTHING")
      .run(event.id, data.seller, cents);
    if (changes === 1) {
      ledger
        .prepare("INSERT INTO balance VALUES (?, ?) ON CONFLICT (seller) DO UPDATE SET cents = cents + excluded.cents")
        .run(data.seller, cents);
    }
    ledger.exec("COMMIT");
  } catch (error) {
    ledger.exec("ROLLBACK");
    throw error;
  }
}

/** The bytes as they came: what is parsed and written again carries no signature any more. */
async function answer(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  receive: (request: Request) => Promise<Response>,
): Promise<void> {
  try {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
    const headers = Object.entries(incoming.headers).map(([name, value]): [string, string] => [name, String(value)]);
    const method = incoming.method ?? "GET";
    const body = method === "GET" || method === "HEAD" ? {} : { body: Buffer.concat(chunks) };
    const response = await receive(new Request(`http://127.0.0.1${incoming.url ?? "/"}`, { method, headers, ...body }));
    outgoing.writeHead(response.status, Object.fromEntries(response.headers)).end(Buffer.from(await response.arrayBuffer()));
  } catch {
    outgoing.writeHead(500).end();
  }
}

if (import.meta.main) {
  const { server, close } = await commissionService(process.env["FILES"] ?? ".", Number(process.env["PORT"] ?? 8080));
  console.log(`listening at ${JSON.stringify(server.address())}`);
  process.once("SIGTERM", () => void close());
}
