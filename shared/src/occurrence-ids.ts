/** Names one occurrence; the authored id stands before the tilde. */
export function occurrenceId(recordId: string, number: number | null): string {
  return number === null ? recordId : `${recordId}~${number}`;
}

/** The authored id of an occurrence. */
export function recordIdOf(occurrence: string): string {
  const tilde = occurrence.indexOf('~');
  return tilde === -1 ? occurrence : occurrence.slice(0, tilde);
}
