import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { createContext, useContext, useEffect, useMemo, type ReactNode } from "react";
import { SignIn } from "../layout/sign-in.tsx";
import { Failed, Loading } from "../ui/empty.tsx";
import { ApiError, ask, type Answer } from "./client.ts";
import { keepSession } from "./session-keep.ts";

/** Who looks at the page. */
export interface Session {
  readonly name: string;
  /** Whether it may act, and not only look. */
  readonly mayOperate: boolean;
  /** Whether there is anything to sign out of. */
  readonly signedIn: boolean;
  readonly signOut: () => void;
}

const SessionContext = createContext<Session | undefined>(undefined);
const KEY = ["GET /v1/session"];
/** Who comes to a gateway that has no tokens. */
const NOBODY_SIGNS_IN = "local";

/** Shows its children to who may read, and asks everybody else for a token. */
export function SessionGate({ children }: { readonly children: ReactNode }): ReactNode {
  const client = useQueryClient();
  const who = useQuery({ queryKey: KEY, queryFn: ({ signal }) => ask("GET /v1/session", {}, signal), refetchInterval: false });
  const signIn = useMutation({
    mutationFn: (token: string) => ask("POST /v1/session", { body: { token } }),
    onSuccess: async ({ session }) => {
      keepSession(session);
      await client.resetQueries();
    },
  });
  const signOut = useMutation({
    mutationFn: () => ask("DELETE /v1/session"),
    onSettled: async () => {
      keepSession(undefined);
      await client.resetQueries();
    },
  });

  // A session that has ended shows itself wherever it is used first.
  useEffect(
    () =>
      client.getQueryCache().subscribe(({ query }) => {
        const error: unknown = query.state.error;
        const isOurs = (query.queryKey as readonly unknown[])[0] === KEY[0];
        if (!isOurs && error instanceof ApiError && error.status === 401 && client.getQueryState(KEY)?.status === "success") {
          void client.invalidateQueries({ queryKey: KEY });
        }
      }),
    [client],
  );

  const leave = signOut.mutate;
  const value = useMemo(() => (who.data === undefined ? undefined : sessionOf(who.data, leave)), [who.data, leave]);
  if (who.error instanceof ApiError && who.error.status === 401) {
    return <SignIn onToken={signIn.mutate} busy={signIn.isPending} error={signIn.error} />;
  }
  if (value !== undefined) return <SessionContext value={value}>{children}</SessionContext>;
  return (
    <main className="sign-in">{who.error === null ? <Loading /> : <Failed error={who.error} again={() => void who.refetch()} />}</main>
  );
}

function sessionOf({ name, scopes }: Answer<"GET /v1/session">, signOut: () => void): Session {
  return { name, mayOperate: scopes.includes("operate"), signedIn: name !== NOBODY_SIGNS_IN, signOut };
}

export function useSession(): Session {
  const session = useContext(SessionContext);
  if (session === undefined) throw new Error("useSession is for what stands in a SessionGate");
  return session;
}
