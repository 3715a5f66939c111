import { useId, type ReactNode } from "react";

interface CardProps {
  readonly title?: string;
  /** Beside the title: a legend, a link, a button. */
  readonly aside?: ReactNode;
  /** What is shown lies edge to edge, as tables do. */
  readonly flush?: boolean;
  readonly className?: string;
  readonly children: ReactNode;
}

export function Card({ title, aside, flush = false, className = "", children }: CardProps): ReactNode {
  const id = useId();
  return (
    <section className={`card ${className}`} aria-labelledby={title === undefined ? undefined : id}>
      {title !== undefined && (
        <header className="card-head">
          <h2 id={id}>{title}</h2>
          {aside}
        </header>
      )}
      <div className={flush ? "card-body-flush" : "card-body"}>{children}</div>
    </section>
  );
}
