import { CircleCheck, CloudOff, Inbox, RefreshCw, ShieldAlert, type LucideIcon } from "lucide-react";
import type { ReactNode } from "react";
import { ApiError, UnreachableError } from "../api/client.ts";
import { Button } from "./button.tsx";

interface EmptyProps {
  readonly icon?: LucideIcon;
  readonly title: string;
  /** What it means, and what to do. */
  readonly children?: ReactNode;
  readonly action?: ReactNode;
}

/** Nothing to show: why, and what would change that. */
export function Empty({ icon: Icon = Inbox, title, children, action }: EmptyProps): ReactNode {
  return (
    <div className="empty">
      <span className="empty-icon">
        <Icon size={20} strokeWidth={1.75} aria-hidden />
      </span>
      <p className="empty-title">{title}</p>
      {children !== undefined && <div className="empty-text">{children}</div>}
      {action}
    </div>
  );
}

/** Nothing to show, and that is good. */
export function AllWell({ title, children }: { readonly title: string; readonly children?: ReactNode }): ReactNode {
  return (
    <div className="empty empty-well">
      <span className="empty-icon">
        <CircleCheck size={20} strokeWidth={1.75} aria-hidden />
      </span>
      <p className="empty-title">{title}</p>
      {children !== undefined && <div className="empty-text">{children}</div>}
    </div>
  );
}

/** Something could not be read: what the gateway said, and the way to ask again. */
export function Failed({ error, again }: { readonly error: Error; readonly again?: () => void }): ReactNode {
  const forbidden = error instanceof ApiError && error.status === 403;
  const title = forbidden
    ? "This is not for your token"
    : error instanceof UnreachableError
      ? "The gateway does not answer"
      : "This could not be read";
  const icon = forbidden ? ShieldAlert : CloudOff;
  const text = error instanceof UnreachableError ? "Check that `holdfast serve` runs; this page goes on asking." : error.message;
  return (
    <div role="alert">
      <Empty
        icon={icon}
        title={title}
        action={
          again !== undefined && !forbidden ? (
            <Button icon={RefreshCw} onClick={again}>
              Ask again
            </Button>
          ) : undefined
        }
      >
        {text}
      </Empty>
    </div>
  );
}

/** The shape of what is about to come. */
export function Loading({ rows = 4 }: { readonly rows?: number }): ReactNode {
  return (
    <div className="loading" role="status">
      <span className="visually-hidden">loading</span>
      {Array.from({ length: rows }, (_, index) => (
        <span key={index} className="loading-bar" />
      ))}
    </div>
  );
}
