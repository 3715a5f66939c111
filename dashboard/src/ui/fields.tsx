import { Search } from "lucide-react";
import { useEffect, useId, useState, type ReactNode } from "react";

interface SelectProps {
  readonly label: string;
  readonly value: string;
  readonly onChange: (value: string) => void;
  readonly options: readonly (readonly [value: string, word: string])[];
}

export function Select({ label, value, onChange, options }: SelectProps): ReactNode {
  return (
    <select className="field" aria-label={label} value={value} onChange={(event) => onChange(event.target.value)}>
      {options.map(([one, word]) => (
        <option key={one} value={one}>
          {word}
        </option>
      ))}
    </select>
  );
}

interface SearchFieldProps {
  readonly label: string;
  readonly placeholder: string;
  readonly value: string;
  readonly onChange: (value: string) => void;
}

const SETTLE_MS = 250;

/** Where one types what to look for. It tells what was typed once the typing rests; `/` comes here. */
export function SearchField({ label, placeholder, value, onChange }: SearchFieldProps): ReactNode {
  const [typed, setTyped] = useState(value);
  useEffect(() => setTyped(value), [value]);
  useEffect(() => {
    if (typed === value) return undefined;
    const timer = setTimeout(() => onChange(typed), SETTLE_MS);
    return () => clearTimeout(timer);
  }, [typed, value, onChange]);
  return (
    <label className="search">
      <span className="visually-hidden">{label}</span>
      <Search size={14} aria-hidden />
      <input type="search" data-search placeholder={placeholder} value={typed} onChange={(event) => setTyped(event.target.value)} />
      <kbd aria-hidden>/</kbd>
    </label>
  );
}

interface TextFieldProps {
  readonly label: string;
  readonly value: string;
  readonly onChange: (value: string) => void;
  readonly hint?: string;
  readonly type?: "text" | "number" | "password";
  readonly required?: boolean;
  readonly placeholder?: string;
}

export function TextField({ label, value, onChange, hint, ...rest }: TextFieldProps): ReactNode {
  const id = useId();
  return (
    <div className="labelled">
      <label htmlFor={id}>{label}</label>
      <input
        className="field"
        id={id}
        {...rest}
        value={value}
        onChange={(event) => onChange(event.target.value)}
        aria-describedby={hint === undefined ? undefined : `${id}-hint`}
        autoComplete="off"
      />
      {hint !== undefined && (
        <p className="hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
    </div>
  );
}

interface SegmentsProps {
  readonly label: string;
  readonly value: string;
  readonly onChange: (value: string) => void;
  readonly options: readonly (readonly [value: string, word: ReactNode])[];
}

/** One of a few, all of them in sight. */
export function Segments({ label, value, onChange, options }: SegmentsProps): ReactNode {
  return (
    <div className="segments" role="radiogroup" aria-label={label}>
      {options.map(([one, word]) => (
        <button key={one} type="button" role="radio" aria-checked={one === value} onClick={() => onChange(one)}>
          {word}
        </button>
      ))}
    </div>
  );
}
