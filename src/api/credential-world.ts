import type { Clock } from "../ports/clock.ts";
import type { Transport } from "../ports/transport.ts";

/** What a credential that somebody else gives asks of the world. */
export interface CredentialWorld {
  readonly transport: Transport;
  readonly clock: Clock;
}
