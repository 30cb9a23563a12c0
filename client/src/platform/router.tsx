import { type AnchorHTMLAttributes, type MouseEvent, useSyncExternalStore } from 'react';

/** A router of a few lines: real addresses, which the server answers with the storefront's page. */
export type Route =
  | { page: 'tonight' }
  | { page: 'deals' }
  | { page: 'deal'; id: string }
  | { page: 'lives' }
  | { page: 'live'; id: string }
  | { page: 'packets' }
  | { page: 'packet'; id: string }
  | { page: 'mine' }
  | { page: 'basket' }
  | { page: 'pay'; id: string }
  | { page: 'order'; id: string }
  | { page: 'nowhere' };

const idOf = '([a-z0-9][a-z0-9-]{0,47}(?:~\\d{1,7})?)';
const addresses: [RegExp, (id: string) => Route][] = [
  [/^\/$/, () => ({ page: 'tonight' })],
  [/^\/deals$/, () => ({ page: 'deals' })],
  [new RegExp(`^/deals/${idOf}$`), (id) => ({ page: 'deal', id })],
  [/^\/live$/, () => ({ page: 'lives' })],
  [new RegExp(`^/live/${idOf}$`), (id) => ({ page: 'live', id })],
  [/^\/packets$/, () => ({ page: 'packets' })],
  [new RegExp(`^/packets/${idOf}$`), (id) => ({ page: 'packet', id })],
  [/^\/mine$/, () => ({ page: 'mine' })],
  [/^\/basket$/, () => ({ page: 'basket' })],
  [/^\/pay\/(y\d{1,3}\.[\w-]{8,40})$/, (id) => ({ page: 'pay', id })],
  [/^\/order\/(o\d{1,3}\.[\w-]{8,40})$/, (id) => ({ page: 'order', id })],
];

/** An address that cannot be decoded is no address of ours. */
function readable(path: string): string {
  try {
    return decodeURI(path);
  } catch {
    return '';
  }
}

export function routeOf(path: string): Route {
  const trimmed = readable(path).replace(/(.)\/+$/, '$1');
  for (const [pattern, make] of addresses) {
    const found = pattern.exec(trimmed);
    if (found !== null) return make(found[1] ?? '');
  }
  return { page: 'nowhere' };
}

const listeners = new Set<() => void>();
let here: { path: string; route: Route } | null = null;

function current(): Route {
  if (here === null || here.path !== location.pathname)
    here = { path: location.pathname, route: routeOf(location.pathname) };
  return here.route;
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  window.addEventListener('popstate', listener);
  return () => {
    listeners.delete(listener);
    window.removeEventListener('popstate', listener);
  };
}

export function useRoute(): Route {
  return useSyncExternalStore(subscribe, current);
}

/** Goes to an address of this surface. The page starts at its top; going back is left to the browser. */
export function go(to: string, how: 'push' | 'replace' = 'push'): void {
  if (to === location.pathname) return;
  if (how === 'push') history.pushState(null, '', to);
  else history.replaceState(null, '', to);
  window.scrollTo(0, 0);
  for (const listener of listeners) listener();
}

/** Back to where one came from, or to a place above when the page was opened directly. */
export function back(above: string): void {
  if (history.length > 1 && document.referrer === '') history.back();
  else go(above);
}

/** A link inside the surface; with a modifier key or another button it is left to the browser. */
export function To({ to, onClick, ...rest }: { to: string } & Omit<AnchorHTMLAttributes<HTMLAnchorElement>, 'href'>) {
  return (
    <a
      {...rest}
      href={to}
      onClick={(event: MouseEvent<HTMLAnchorElement>) => {
        onClick?.(event);
        if (
          event.defaultPrevented ||
          event.button !== 0 ||
          event.metaKey ||
          event.ctrlKey ||
          event.shiftKey ||
          event.altKey
        )
          return;
        event.preventDefault();
        go(to);
      }}
    />
  );
}
