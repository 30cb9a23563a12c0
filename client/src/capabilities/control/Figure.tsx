import type { CSSProperties, ReactNode } from 'react';

interface FigureProps {
  label: string;
  /** The number as written; its length decides how large it can be. */
  value: string;
  /** A currency sign, smaller and hung from the top. */
  sign?: string;
  signFirst?: boolean;
  /** "14 s old", when the figure has lost its light; null while it is fresh. */
  age: string | null;
  /** Of something that is not a person, and is not added to those who are. */
  apart?: boolean;
  className?: string;
  children?: ReactNode;
}

/** One number of the wall with its name. An old one stays, without its light, and says its age. */
export function Figure({ label, value, sign, signFirst = true, age, apart = false, className, children }: FigureProps) {
  const size = { '--len': Math.max(3, value.length + (sign === undefined ? 0 : 0.6)) } as CSSProperties;
  const small = sign === undefined ? null : <small>{sign}</small>;
  return (
    <section
      className={['figure', age === null ? '' : 'old', apart ? 'apart' : '', className ?? ''].filter(Boolean).join(' ')}
      aria-label={label}
    >
      <h2>
        {label}
        {age !== null && <span className="age">{age}</span>}
      </h2>
      <p className="num" style={size}>
        {signFirst && small}
        {value}
        {!signFirst && small}
      </p>
      {children}
    </section>
  );
}
