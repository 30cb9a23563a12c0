import type { Currency } from '@elevens/shared/src/money.ts';
import { useCallback, useEffect, useState } from 'react';
import { useWords } from '../../platform/i18n.ts';
import { usePlatform } from '../../platform/platform.tsx';
import { Icon } from '../../ui/Icon.tsx';
import { Unlit } from '../../ui/Pieces.tsx';
import { Sheet } from '../../ui/Sheet.tsx';
import { Quiet } from '../../ui/Sign.tsx';
import { checkDrop, type Proof, spreadOf, type Verdict } from './check-drop.ts';

interface FairnessProps {
  dropId: string;
  currency: Currency;
  mine: { index: number; amountMinor: number } | null;
  onClose: () => void;
}

type Shown =
  | { is: 'asking' }
  | { is: 'refused'; words: string }
  | { is: 'here'; proof: Proof; verdict: Verdict | null };

/** 64 hex digits in groups of four, the middle left out: enough to compare by eye; the whole is copied. */
function short(hex: string): string {
  const groups = hex.match(/.{1,4}/g) ?? [];
  return groups.length <= 6 ? groups.join(' ') : `${groups.slice(0, 4).join(' ')} … ${groups.at(-1)}`;
}

const barsShown = 36;

/** The proof of a drop, one tap away: what was fixed before, what was shown after, recomputed here. */
export function FairnessSheet({ dropId, currency, mine, onClose }: FairnessProps) {
  const { t, format } = useWords();
  const { connection } = usePlatform();
  const [shown, setShown] = useState<Shown>({ is: 'asking' });
  const [copied, setCopied] = useState<'no' | 'yes' | 'refused'>('no');

  const ask = useCallback(async (): Promise<Shown> => {
    const outcome = await connection.call('redpackets:proof', { dropId });
    if (outcome.ok) return { is: 'here', proof: outcome.reply, verdict: null };
    return { is: 'refused', words: t('fault' in outcome ? `fault.${outcome.fault}` : `why.${outcome.why}`) };
  }, [connection, dropId, t]);

  useEffect(() => {
    let gone = false;
    void ask().then((found) => {
      if (!gone) setShown(found);
    });
    return () => {
      gone = true;
    };
  }, [ask]);

  const unchecked = shown.is === 'here' && shown.verdict === null ? shown.proof : null;
  useEffect(() => {
    if (unchecked === null) return undefined;
    let gone = false;
    void checkDrop(unchecked).then((verdict) => {
      if (!gone) setShown({ is: 'here', proof: unchecked, verdict });
    });
    return () => {
      gone = true;
    };
  }, [unchecked]);

  const money = (minor: number): string => format.money(minor, currency);
  return (
    <Sheet title={t('proof.title')} closeLabel={t('nav.close')} onClose={onClose}>
      {shown.is === 'asking' && <Unlit label={t('state.loading')} />}
      {shown.is === 'refused' && <p>{shown.words}</p>}
      {shown.is === 'here' && (
        <>
          <p>{t('proof.intro', { packets: format.number(shown.proof.packets) })}</p>
          <Steps proof={shown.proof} verdict={shown.verdict} mine={mine} money={money} />
          {shown.verdict?.is === 'checked' && <Spread amounts={shown.verdict.amounts} mine={mine} money={money} />}
          <p className="unproven">{t('proof.notProven')}</p>
          <div className="row">
            <Quiet
              busy={shown.verdict === null}
              onPress={() => {
                setShown({ is: 'asking' });
                void ask().then((found) => setShown(found));
              }}
            >
              {shown.verdict === null ? t('proof.checking') : t('proof.check')}
            </Quiet>
            <Quiet
              className="line"
              onPress={() => {
                const clipboard = navigator.clipboard as Clipboard | undefined;
                void (
                  clipboard === undefined
                    ? Promise.reject(new Error('no clipboard'))
                    : clipboard.writeText(JSON.stringify(shown.proof, null, 1))
                ).then(
                  () => setCopied('yes'),
                  () => setCopied('refused'),
                );
              }}
            >
              {copied === 'yes' ? t('proof.copied') : t('proof.copy')}
            </Quiet>
          </div>
          {copied === 'refused' && <p role="status">{t('proof.notCopied')}</p>}
        </>
      )}
    </Sheet>
  );
}

type Sign = 'check' | 'alert' | 'clock' | 'busy';

function Steps({
  proof,
  verdict,
  mine,
  money,
}: {
  proof: Proof;
  verdict: Verdict | null;
  mine: FairnessProps['mine'];
  money: (minor: number) => string;
}) {
  const { t, format } = useWords();
  const checked = verdict?.is === 'checked' ? verdict : null;
  const packets = format.number(proof.packets);
  const steps: { sign: Sign; words: string; code?: string }[] = [
    { sign: 'check', words: t('proof.seal'), code: short(proof.seedHash) },
  ];
  if (mine !== null) {
    const given = checked === null ? null : checked.amounts[mine.index] === mine.amountMinor;
    steps.push({
      sign: given === null ? 'clock' : given ? 'check' : 'alert',
      words: `${t('proof.mine', { index: format.number(mine.index + 1), amount: money(mine.amountMinor) })}${given === true ? `, ${t('proof.mineMatches')}` : ''}`,
    });
  }
  if (proof.seed === null) steps.push({ sign: 'clock', words: t('proof.seedWaiting') });
  else if (verdict === null) steps.push({ sign: 'busy', words: t('proof.checking'), code: short(proof.seed) });
  else if (verdict.is === 'no-crypto')
    steps.push({ sign: 'alert', words: t('proof.noCrypto'), code: short(proof.seed) });
  else if (checked !== null) {
    steps.push(
      {
        sign: checked.sealMatches ? 'check' : 'alert',
        words: t(checked.sealMatches ? 'proof.seed' : 'proof.seedWrong'),
        code: short(proof.seed),
      },
      {
        sign: checked.sumMatches ? 'check' : 'alert',
        words: t(checked.sumMatches ? 'proof.sum' : 'proof.sumWrong', { packets, amount: money(proof.fundMinor) }),
      },
      {
        sign: checked.wrong === 0 ? 'check' : 'alert',
        words:
          checked.wrong === 0
            ? t('proof.opened', { opened: format.number(proof.opened.length) })
            : t('proof.openedWrong', { wrong: format.number(checked.wrong) }),
      },
    );
  }
  return (
    <ol className="steps">
      {steps.map((step) => (
        <li key={step.words} className={step.sign === 'alert' ? 'bad' : ''}>
          <span>{step.words}</span>
          <Icon name={step.sign === 'busy' ? 'clock' : step.sign} />
          {step.code !== undefined && <code>{step.code}</code>}
        </li>
      ))}
    </ol>
  );
}

function Spread({
  amounts,
  mine,
  money,
}: {
  amounts: number[];
  mine: FairnessProps['mine'];
  money: (minor: number) => string;
}) {
  const { t } = useWords();
  const { bars, leastMinor, mostMinor } = spreadOf(amounts, Math.min(barsShown, amounts.length));
  const tallest = Math.max(...bars.map((bar) => bar.count), 1);
  const mean = Math.round(amounts.reduce((sum, amount) => sum + amount, 0) / amounts.length);
  const mineAt = mine === null ? -1 : bars.findLastIndex((bar) => bar.fromMinor <= mine.amountMinor);
  const step = 340 / bars.length;
  return (
    <figure className="dist">
      <svg viewBox="0 0 340 78" preserveAspectRatio="none" role="img" aria-label={t('proof.distribution')}>
        {bars.map((bar, i) => {
          const height = bar.count === 0 ? 0 : 2 + (bar.count / tallest) * 72;
          return (
            <rect
              key={bar.fromMinor}
              x={i * step}
              y={76 - height}
              width={step * 0.72}
              height={height}
              fill={i === mineAt ? '#d4232b' : '#cbb48d'}
            />
          );
        })}
        <path d="M0 77H340" stroke="#574658" strokeWidth="1.500" />
      </svg>
      <figcaption>
        <span>{t('proof.least', { amount: money(leastMinor) })}</span>
        <span>{t('proof.mean', { amount: money(mean) })}</span>
        <span>{t('proof.most', { amount: money(mostMinor) })}</span>
      </figcaption>
    </figure>
  );
}
