import { type ReactNode, useEffect, useRef } from 'react';
import { Icon } from './Icon.tsx';

/** A paper sheet from below: a dialog of the browser's own, so focus, Escape and the rest of the page are looked after. */
export function Sheet({
  title,
  closeLabel,
  onClose,
  children,
}: {
  title: string;
  closeLabel: string;
  onClose: () => void;
  children: ReactNode;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const element = dialog.current;
    if (element !== null && !element.open) element.showModal();
  }, []);
  return (
    <dialog
      ref={dialog}
      className="sheet"
      aria-labelledby="sheet-title"
      onClose={onClose}
      onClick={(event) => {
        // A tap beside the paper lands on the dialog itself.
        if (event.target === dialog.current) dialog.current?.close();
      }}
    >
      <div className="sheet-in">
        <button type="button" className="ico-btn" aria-label={closeLabel} onClick={() => dialog.current?.close()}>
          <Icon name="close" />
        </button>
        <h2 id="sheet-title">{title}</h2>
        {children}
      </div>
    </dialog>
  );
}
