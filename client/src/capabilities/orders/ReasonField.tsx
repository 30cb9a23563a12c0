import { useId } from 'react';

/** As long as the contract allows. */
const reasonMax = 300;

/** A reason in the shopper's own words. What is missing is said below the field once it was tried without. */
export function ReasonField({
  label,
  hint,
  value,
  missing,
  onChange,
}: {
  label: string;
  hint: string;
  value: string;
  missing: boolean;
  onChange: (text: string) => void;
}) {
  const hintId = useId();
  return (
    <label className={missing ? 'field err' : 'field'}>
      {label}
      <textarea
        value={value}
        maxLength={reasonMax}
        rows={2}
        aria-describedby={hintId}
        aria-invalid={missing || undefined}
        onChange={(event) => onChange(event.target.value)}
      />
      <small id={hintId} role={missing ? 'alert' : undefined}>
        {hint}
      </small>
    </label>
  );
}
