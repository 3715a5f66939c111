/** What the API of the test with processes allows, all of them together. */
export const RATE = { limit: 4, per: "1s", burst: 20 } as const;
