/**
 * Where the session of plain http is kept: in this tab only, and gone with it. Over https it is a cookie that no script can read, and
 * nothing is kept here.
 */
const KEY = "holdfast:session";

export function keepSession(session: string | undefined): void {
  if (session === undefined) window.sessionStorage.removeItem(KEY);
  else window.sessionStorage.setItem(KEY, session);
}

export function sessionHeader(): Readonly<Record<string, string>> {
  const session = window.sessionStorage.getItem(KEY);
  return session === null ? {} : { "holdfast-token": session };
}
