import { ChevronRight } from "lucide-react";
import type { ReactNode } from "react";
import { Link } from "../../router/link.tsx";
import { Card } from "../../ui/card.tsx";
import { AllWell } from "../../ui/empty.tsx";
import { plural } from "../../ui/numbers.ts";
import { Ago } from "../../ui/time.tsx";
import type { Attention } from "./attention.ts";

const SHOWN = 6;

/** What needs a person now. */
export function AttentionList({ items }: { readonly items: readonly Attention[] }): ReactNode {
  const more = items.length - SHOWN;
  return (
    <Card title="Needs you now" flush aside={items.length > 0 ? <span className="faint">{plural(items.length, "thing")}</span> : undefined}>
      {items.length === 0 ? (
        <AllWell title="Nothing needs you">What fails is retried where that is safe, and kept where it is not.</AllWell>
      ) : (
        <ul className="attention">
          {items.slice(0, SHOWN).map(({ key, tone, icon: Icon, title, detail, href, at }) => (
            <li key={key}>
              <Link href={href}>
                <span className={`attention-icon tone-${tone}`}>
                  <Icon size={14} aria-hidden />
                </span>
                <span className="cell-two">
                  <span className="attention-title">{title}</span>
                  <span>
                    {detail}
                    {at !== undefined && (
                      <>
                        {" · "}
                        <Ago at={at} />
                      </>
                    )}
                  </span>
                </span>
                <ChevronRight size={14} aria-hidden className="faint" />
              </Link>
            </li>
          ))}
          {more > 0 && <li className="attention-more faint">and {plural(more, "more thing")}, on the other pages</li>}
        </ul>
      )}
    </Card>
  );
}
