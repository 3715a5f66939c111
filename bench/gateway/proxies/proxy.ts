/** What the small proxies have in common. */
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";

/** About the connection, and so not forwarded (RFC 9110 §7.6.1). */
const STAYS: ReadonlySet<string> = new Set(["host", "connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"]);

/** Names and values in turn, without those that stay. */
export function forwarded(raw: readonly string[]): string[] {
  const list: string[] = [];
  for (let index = 0; index < raw.length; index += 2) {
    const name = raw[index] as string;
    if (!STAYS.has(name.toLowerCase())) list.push(name, raw[index + 1] as string);
  }
  return list;
}

/** Tells its port to the process that started this one, and ends with it. */
export function listen(server: Server): void {
  server.listen(0, "127.0.0.1", () => process.send?.((server.address() as AddressInfo).port));
  process.on("disconnect", () => process.exit());
}
