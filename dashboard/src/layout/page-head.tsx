import { useEffect, type ReactNode } from "react";
import { Link } from "../router/link.tsx";

interface PageHeadProps {
  readonly title: string;
  /** One line: what this page is about, or the state of what it shows. */
  readonly about?: ReactNode;
  readonly chips?: ReactNode;
  readonly actions?: ReactNode;
  /** The page that this one belongs to. */
  readonly up?: { readonly href: string; readonly title: string };
  /** The title is an id or a path, and not a word. */
  readonly mono?: boolean;
}

export function PageHead({ title, about, chips, actions, up, mono = false }: PageHeadProps): ReactNode {
  useEffect(() => {
    document.title = `${title} · Holdfast`;
  }, [title]);
  return (
    <header className="page-head">
      <div className="page-head-words">
        {up !== undefined && (
          <Link href={up.href} className="page-up">
            {up.title}
          </Link>
        )}
        <div className="page-head-line">
          <h1 className={mono ? "mono" : undefined}>{title}</h1>
          {chips}
        </div>
        {about !== undefined && <p className="page-about">{about}</p>}
      </div>
      {actions !== undefined && <div className="page-actions">{actions}</div>}
    </header>
  );
}
