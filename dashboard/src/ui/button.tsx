import type { LucideIcon } from "lucide-react";
import type { ButtonHTMLAttributes, ReactNode } from "react";

interface ButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  readonly look?: "plain" | "primary" | "danger" | "quiet";
  readonly icon?: LucideIcon;
  /** Says that the work it began goes on; it cannot be pressed meanwhile. */
  readonly busy?: boolean;
}

export function Button({ look = "plain", icon: Icon, busy = false, children, disabled, ...rest }: ButtonProps): ReactNode {
  return (
    <button type="button" {...rest} className={`button button-${look}`} disabled={disabled === true || busy} aria-busy={busy}>
      {Icon !== undefined && <Icon size={14} strokeWidth={2} aria-hidden />}
      {children}
    </button>
  );
}

interface IconButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  readonly icon: LucideIcon;
  /** What it does, in words. */
  readonly label: string;
}

export function IconButton({ icon: Icon, label, ...rest }: IconButtonProps): ReactNode {
  return (
    <button type="button" {...rest} className="icon-button" aria-label={label} title={label}>
      <Icon size={16} strokeWidth={1.9} aria-hidden />
    </button>
  );
}
