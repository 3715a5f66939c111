import type { ReactNode } from "react";
import { Dialog } from "../ui/dialog.tsx";
import { PAGES } from "./pages.ts";

const KEYS: readonly (readonly [keys: readonly string[], what: string])[] = [
  [["/"], "Search"],
  [["j"], "Next row"],
  [["k"], "Row before"],
  [["Enter"], "Open the row"],
  [["t"], "Light or dark"],
  [["?"], "These keys"],
  ...PAGES.map(({ key, title }) => [["g", key], title] as const),
];

export function Help({ onClose }: { readonly onClose: () => void }): ReactNode {
  return (
    <Dialog title="Keys" onClose={onClose}>
      <dl className="keys">
        {KEYS.map(([keys, what]) => (
          <div key={what}>
            <dt>{what}</dt>
            <dd>
              {keys.map((key) => (
                <kbd key={key}>{key}</kbd>
              ))}
            </dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}
