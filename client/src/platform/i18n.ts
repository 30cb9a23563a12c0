import i18next from 'i18next';
import { useMemo } from 'react';
import { initReactI18next, useTranslation } from 'react-i18next';
import { createFormat, type Format } from './format.ts';

/** The languages of Elevens. Each surface brings its words as one lazy file a language; only the chosen one is loaded. */
export const languages = ['en', 'zh', 'nl', 'vi'] as const;
export type Language = (typeof languages)[number];

/** Each language in its own words, for the choice. */
export const languageNames: Record<Language, string> = {
  en: 'English',
  zh: '中文',
  nl: 'Nederlands',
  vi: 'Tiếng Việt',
};

/** A tree of words; leaves may hold {{values}} and come as _one and _other where they count. */
export interface Words {
  [key: string]: string | Words;
}
export type LoadWords = (language: Language) => Promise<Words>;

const key = 'elevens.language';
let load: LoadWords | null = null;

function isLanguage(text: string | null | undefined): text is Language {
  return (languages as readonly (string | null | undefined)[]).includes(text);
}

/** The language chosen before, else the first of the browser's that Elevens speaks, else English. */
export function preferredLanguage(): Language {
  try {
    const kept = localStorage.getItem(key);
    if (isLanguage(kept)) return kept;
  } catch {
    // Storage is refused: the browser's own list decides.
  }
  return navigator.languages.map((tag) => tag.slice(0, 2).toLowerCase()).find(isLanguage) ?? 'en';
}

/** Loads the words of the preferred language and starts i18next with them. Call it before the first render. */
export async function startI18n(words: LoadWords): Promise<void> {
  load = words;
  const language = preferredLanguage();
  await i18next.use(initReactI18next).init({
    lng: language,
    resources: { [language]: { translation: await words(language) } },
    fallbackLng: false,
    // React escapes what it renders; escaping twice would show &amp; to people.
    interpolation: { escapeValue: false },
    react: { useSuspense: false },
  });
  document.documentElement.lang = language;
}

/** Changes the language of the page, and of the next visit. */
export async function changeLanguage(language: Language): Promise<void> {
  if (load === null) return;
  if (!i18next.hasResourceBundle(language, 'translation')) {
    i18next.addResourceBundle(language, 'translation', await load(language));
  }
  await i18next.changeLanguage(language);
  document.documentElement.lang = language;
  try {
    localStorage.setItem(key, language);
  } catch {
    // Storage is refused: the choice lasts as long as the page.
  }
}

export type Translate = (key: string, values?: Record<string, string | number>) => string;

/** Words, formats and the language they are in. */
export function useWords(): { t: Translate; format: Format; language: Language } {
  const { t, i18n } = useTranslation();
  const language = isLanguage(i18n.language) ? i18n.language : 'en';
  const format = useMemo(() => createFormat(language), [language]);
  return { t: t as unknown as Translate, format, language };
}
