import type { Translate } from '../../platform/i18n.ts';

/** What a refusal or a fault is called, with what it names; null when there is nothing to say. */
export function hurtWords(t: Translate, answer: { ok: boolean; fault?: string; why?: string } | null): string | null {
  if (answer === null || answer.ok) return null;
  if (answer.fault !== undefined) return t(`fault.${answer.fault}`);
  return answer.why === undefined ? null : t(`why.${answer.why}`, answer as unknown as Record<string, string | number>);
}
