import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { startI18n } from '../../platform/i18n.ts';
import { takeLink } from '../../platform/identity.ts';
import { createPlatform, PlatformProvider } from '../../platform/platform.tsx';
import { loadMarks } from '../../ui/marks.ts';
import { App } from './App.tsx';
import type { LinkState } from './SignIn.tsx';
import '../../ui/tokens.css';
import '../../ui/base.css';
import './control-room.css';

const words = {
  en: () => import('./words/en.ts').then((found) => found.en),
  zh: () => import('./words/zh.ts').then((found) => found.zh),
  nl: () => import('./words/nl.ts').then((found) => found.nl),
  vi: () => import('./words/vi.ts').then((found) => found.vi),
};

/** The link is taken here rather than by the platform, so that a person whose link is not valid is told so. */
const link = takeLink();
const platform = createPlatform({ surface: 'control-room', guests: false, roles: ['operator'] });
const element = document.getElementById('app');
if (element === null) throw new Error('the page has no #app');
const root = createRoot(element);

function show(state: LinkState): void {
  root.render(
    <StrictMode>
      <PlatformProvider platform={platform}>
        <App link={state} />
      </PlatformProvider>
    </StrictMode>,
  );
}

async function comeByLink(code: string): Promise<LinkState> {
  const outcome = await platform.identity.useLink(code);
  if (outcome === 'unknown-link') return 'unknown';
  if (outcome !== 'ok') return 'failed';
  await platform.connection.restart();
  return 'used';
}

await startI18n((language) => words[language]());
// The page stands without its drawings; they come when they come.
loadMarks().catch(() => undefined);
show(link === null ? 'none' : 'trying');
if (link !== null) show(await comeByLink(link));
