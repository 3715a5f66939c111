/** What the process ends with. Stable: scripts may rely on it. */
export const exitCodes: Readonly<Record<ExitName, { readonly code: number; readonly about: string }>> = {
  ok: { code: 0, about: "All went well." },
  failed: {
    code: 1,
    about: "The work ended, and some of it failed: a letter failed again, a store has faults, something was lost or doubled.",
  },
  usage: { code: 2, about: "The command line or the config is wrong. Nothing was done." },
  notFound: { code: 3, about: "What was named does not exist: a dead letter, a group, a store's file." },
  store: { code: 4, about: "The store cannot be opened, read or written." },
  unreachable: { code: 69, about: "The gateway cannot be reached, or does not answer now. Nothing is known to be done." },
  crashed: { code: 70, about: "A fault of Holdfast's own. `--debug` shows the stack." },
  busy: { code: 75, about: "What was to be run is running already. Nothing was done; try again later." },
  denied: { code: 77, about: "The gateway wants a token, or one that may do this. Nothing was done." },
  interrupted: { code: 130, about: "Ended by Ctrl-C (SIGINT) before it was through." },
  terminated: { code: 143, about: "Ended by SIGTERM before it was through." },
};

export type ExitName =
  "ok" | "failed" | "usage" | "notFound" | "store" | "unreachable" | "denied" | "busy" | "crashed" | "interrupted" | "terminated";
