import { useState } from 'react';
import { useWords } from '../../platform/i18n.ts';
import { usePlatform } from '../../platform/platform.tsx';
import { Icon } from '../../ui/Icon.tsx';
import { Quiet } from '../../ui/Sign.tsx';
import { useOutcomeWords } from './use-outcome-words.ts';

/** Long enough for the slowest browser to have taken the file. */
const fileKeptMs = 30_000;

/** Gives a text to the browser as a file. */
function download(file: { name: string; type: string; text: string }): void {
  const url = URL.createObjectURL(new Blob([file.text], { type: file.type }));
  const link = document.createElement('a');
  link.href = url;
  link.download = file.name;
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), fileKeptMs);
}

/** The timeline as a file, for people and for programs. */
export function ExportButtons({ orderId }: { orderId: string }) {
  const { t } = useWords();
  const { connection } = usePlatform();
  const hurtOf = useOutcomeWords();
  const [busy, setBusy] = useState<'json' | 'csv' | null>(null);
  const [said, setSaid] = useState<string | null>(null);
  const fetchFile = (format: 'json' | 'csv'): void => {
    setBusy(format);
    setSaid(null);
    void connection.call('orders:export', { orderId, format }).then((outcome) => {
      setBusy(null);
      if (outcome.ok) download(outcome.reply);
      setSaid(outcome.ok ? t('order.exported', { name: outcome.reply.name }) : hurtOf(outcome));
    });
  };
  return (
    <div className="exports">
      {(['json', 'csv'] as const).map((format) => (
        <Quiet key={format} small busy={busy === format} onPress={() => fetchFile(format)}>
          <Icon name="export" />
          {t(`order.export.${format}`)}
        </Quiet>
      ))}
      <p className="small soft" role="status">
        {said}
      </p>
    </div>
  );
}
