/** Letters, digits, and `.`, `_`, `-` between them: a name stands in paths, labels of metrics and file names. */
export const API_NAME: RegExp = /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9])?$/;

/** Whether it is a door of the engine's own (`@alerts`, `@callback`): nobody's to tune, and an alert of one that fails would be one more that fails. */
export function isOurs(api: string): boolean {
  return api.startsWith("@");
}
