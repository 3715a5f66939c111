/** A config to begin with. A test holds it to what is accepted. */
export const CONFIG_START = `import { bearer, defineConfig, env } from "holdfast";

export default defineConfig({
  // Where what must outlive a call is kept: "sqlite:FILE", "postgres://…" (npm install pg), "memory:", or { env: "NAME" }.
  store: "sqlite:holdfast.db",

  // Each API by the name that calls use: hf.fetch("example"), or http://127.0.0.1:4180/to/example through the gateway.
  apis: {
    example: {
      baseUrl: "https://api.example.com",
      // Defaults for its kind: interactive, crm, enrichment, sequencer, webhook, llm, billing, job.
      profile: "crm",
      // What it allows; a 429 teaches the rest.
      rateLimit: { limit: 10, per: "1s" },
      // That it dedupes by a key. Without this a write whose outcome is unknown is never sent again blindly.
      // idempotency: { header: "Idempotency-Key", ttl: "24h" },
      // Read when it is sent, and never written down here.
      auth: bearer(env("EXAMPLE_TOKEN")),
    },
  },

  // Who may use the gateway. Without any it listens on this machine only.
  // tokens: [{ name: "ops", token: env("OPS_TOKEN"), scopes: ["call", "read", "operate"] }],
});
`;
