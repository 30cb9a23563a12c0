import { createRoot } from 'react-dom/client';
import { startI18n } from './platform/i18n.ts';
import { createPlatform, PlatformProvider } from './platform/platform.tsx';
import { App } from './surfaces/storefront/App.tsx';
import { loadMarks } from './ui/marks.ts';
import './ui/tokens.css';
import './ui/base.css';
import './surfaces/storefront/storefront.css';

/** The storefront's start: the connection is opened first, so that it is under way while words and drawings come. */
const platform = createPlatform({ surface: 'storefront', guests: true, roles: [] });

const words = {
  en: async () => (await import('./surfaces/storefront/words/en.ts')).en,
  zh: async () => (await import('./surfaces/storefront/words/zh.ts')).zh,
  nl: async () => (await import('./surfaces/storefront/words/nl.ts')).nl,
  vi: async () => (await import('./surfaces/storefront/words/vi.ts')).vi,
};

async function start(): Promise<void> {
  const place = document.getElementById('app');
  if (place === null) throw new Error('the page has no place for the app');
  // Without the marks the page still says everything; it only looks barer.
  await Promise.all([startI18n((language) => words[language]()), loadMarks().catch(() => undefined)]);
  createRoot(place).render(
    <PlatformProvider platform={platform}>
      <App />
    </PlatformProvider>,
  );
}

void start();
