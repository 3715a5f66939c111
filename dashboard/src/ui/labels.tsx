import type { ReactNode } from "react";

/** Labels as they were given to the work. */
export function Labels({ of }: { readonly of: Readonly<Record<string, string>> }): ReactNode {
  const entries = Object.entries(of);
  if (entries.length === 0) return null;
  return (
    <span className="labels">
      {entries.map(([name, value]) => (
        <span key={name} className="label">
          <span className="label-name">{name}</span>
          {value}
        </span>
      ))}
    </span>
  );
}
