import { type ReactNode, useEffect, useRef, useState } from 'react';
import { useLink } from '../../platform/platform.tsx';
import type { Route } from '../../platform/router.tsx';

/** Draws a page for the id in its address; pages without one leave it alone. */
type Draw = (id: string) => ReactNode;
type Name = Exclude<Route['page'], 'tonight' | 'nowhere'>;

/** Tonight is in the first load; every other page comes when it is gone to, or before, when nobody waits for anything. */
const pages: Record<Name, () => Promise<Draw>> = {
  deals: () =>
    import('./DealsPage.tsx').then(({ DealsPage }) => () => <DealsPage />),
  deal: () =>
    import('./DealPage.tsx').then(({ DealPage }) => (id) => <DealPage key={id} dealId={id} />),
  lives: () =>
    import('./LivesPage.tsx').then(({ LivesPage }) => () => <LivesPage />),
  live: () =>
    import('./LivePage.tsx').then(({ LivePage }) => (id) => <LivePage key={id} sessionId={id} />),
  packets: () =>
    import('./PacketsPage.tsx').then(({ PacketsPage }) => () => <PacketsPage />),
  packet: () =>
    import('./RainPage.tsx').then(({ RainPage }) => (id) => <RainPage key={id} dropId={id} />),
  basket: () =>
    import('./BasketPage.tsx').then(({ BasketPage }) => () => <BasketPage />),
  mine: () =>
    import('./MinePage.tsx').then(({ MinePage }) => () => <MinePage />),
  pay: () =>
    import('./PayPage.tsx').then(({ PayPage }) => (id) => <PayPage key={id} paymentId={id} />),
  order: () =>
    import('./OrderPage.tsx').then(({ OrderPage }) => (id) => <OrderPage key={id} orderId={id} />),
};
const names = Object.keys(pages) as Name[];

const fetched = new Map<Name, Draw>();
async function fetchPage(name: Name): Promise<void> {
  if (!fetched.has(name)) fetched.set(name, await pages[name]());
}

/** How long the first page has for itself before the others are fetched behind it. */
const aheadAfterMs = 2_500;

/** Whether the line is said to be slow or dear: then what is looked at now has it for itself. */
function sparing(): boolean {
  const line = (navigator as Navigator & { connection?: { saveData?: boolean; effectiveType?: string } }).connection;
  return line?.saveData === true || (line?.effectiveType !== undefined && line.effectiveType !== '4g');
}

/** Fetches every page while there is a line, so that one can walk the street also when it breaks. */
export function usePagesAhead(): void {
  const link = useLink();
  const up = link.is === 'up';
  useEffect(() => {
    if (!up || sparing()) return undefined;
    const timer = setTimeout(() => {
      // What fails here is asked for again, and said, when somebody goes there.
      void names
        .reduce<Promise<void>>((before, name) => before.then(() => fetchPage(name)), Promise.resolve())
        .catch(() => undefined);
    }, aheadAfterMs);
    return () => clearTimeout(timer);
  }, [up]);
}

export type PageView = { is: 'here'; draw: Draw } | { is: 'coming' } | { is: 'failed' };

/**
 * A page that may have to be fetched first. A browser remembers that a part of a page could not be had, so after a
 * failure the document is loaded anew as soon as there is a line again; the address is already the new one.
 */
export function usePage(name: Name): PageView {
  const link = useLink();
  const [outcome, setOutcome] = useState<{ name: Name; ok: boolean } | null>(null);
  const brokenLine = useRef(false);
  const failed = outcome?.name === name && !outcome.ok;

  useEffect(() => {
    let left = false;
    fetchPage(name).then(
      () => !left && setOutcome({ name, ok: true }),
      () => !left && setOutcome({ name, ok: false }),
    );
    return () => {
      left = true;
    };
  }, [name]);

  useEffect(() => {
    if (!failed) return;
    if (link.is !== 'up') brokenLine.current = true;
    else if (brokenLine.current) location.reload();
  }, [failed, link.is]);

  const draw = fetched.get(name);
  if (draw !== undefined) return { is: 'here', draw };
  return failed ? { is: 'failed' } : { is: 'coming' };
}
