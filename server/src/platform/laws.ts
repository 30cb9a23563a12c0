/** One count of a conservation law: what was compared, the sum in words, and every difference. */
export interface LawReading {
  /** The ledger is still being read from its start: nothing can be said yet. */
  counting: boolean;
  /** How many things were compared. */
  checked: number;
  sum: string;
  evidence: { subject: string; expected: number; found: number }[];
}
