/** The look of the few pages that the server draws by itself: what the client cannot draw, because it is not there. */

export interface Fonts {
  /** Addresses of the client's own fonts; a page without them falls back to the system's. */
  sign: string | null;
  text: string | null;
}

export function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);
}

const tokens = `
:root { color-scheme: dark; --ground: #120a1f; --surface: #1b0f26; --raised: #26142f; --line: rgba(255, 217, 138, .16);
  --line-strong: rgba(255, 217, 138, .42); --text: #fdf1dc; --soft: #d3bfc4; --faint: #a892a6; --accent: #d4232b;
  --edge: #6b1420; --red: #ff8a6e; --gold: #f4bc52; --jade: #3de3c1;
  --sign: Anybody, "Noto Sans SC", "PingFang SC", "Microsoft YaHei", system-ui, sans-serif;
  --read: Archivo, "Noto Sans SC", "PingFang SC", "Microsoft YaHei", system-ui, sans-serif;
  --code: ui-monospace, "Cascadia Code", "DejaVu Sans Mono", Menlo, monospace; }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--text); font: 1rem/1.55 var(--read); }
h1, h2, h3 { font-family: var(--sign); font-stretch: 80%; font-weight: 760; line-height: 1.1; margin: 0; }
a { color: var(--gold); text-underline-offset: .2em; }
a:focus-visible, summary:focus-visible { outline: 3px solid #ffd98a; outline-offset: 3px; }
code, pre { font-family: var(--code); font-size: .86em; }
`;

/** A whole page. `body` is trusted markup; the title is not. */
export function page({
  title,
  style,
  body,
  fonts,
}: {
  title: string;
  style: string;
  body: string;
  fonts: Fonts;
}): string {
  const face = (family: string, url: string | null, stretch: string) =>
    url === null
      ? ''
      : `@font-face { font-family: ${family}; src: url("${url}") format("woff2"); font-weight: 100 900; ${stretch} font-display: swap; }\n`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="theme-color" content="#120a1f">
<title>${escaped(title)}</title>
<style>
${face('Anybody', fonts.sign, 'font-stretch: 50% 150%;')}${face('Archivo', fonts.text, '')}${tokens}${style}</style>
</head>
<body>
${body}
</body>
</html>
`;
}

const problemStyle = `
main { min-height: 100vh; display: grid; align-content: center; justify-items: center; text-align: center; padding: 32px 20px; gap: 20px; }
.lantern { width: 96px; height: 96px; border-radius: 50%; background: radial-gradient(circle at 50% 42%, #ff8a6e, #d4232b 58%, #6b1420);
  box-shadow: 0 0 28px rgba(238, 74, 60, .55), 0 0 90px rgba(244, 140, 60, .28); display: grid; place-items: center;
  font: 760 1.9rem/1 var(--sign); font-stretch: 70%; color: #ffebc0; }
h1 { font-size: clamp(2rem, 8vw, 3.5rem); text-wrap: balance; }
p { max-width: 46ch; margin: 0; color: var(--soft); text-wrap: pretty; }
.go { display: inline-block; min-height: 44px; padding: 12px 24px; background: var(--accent); color: #fff6e6; border-radius: 2px;
  box-shadow: 0 5px 0 var(--edge); font: 700 1.05rem/1.2 var(--sign); font-stretch: 80%; text-decoration: none; }
.go:active { transform: translateY(3px); box-shadow: 0 2px 0 var(--edge); }
`;

/** A worded page for something that cannot be shown. */
export function problemPage({
  status,
  heading,
  words,
  fonts,
  wayOut = true,
}: {
  status: number;
  heading: string;
  words: string;
  fonts: Fonts;
  wayOut?: boolean;
}): string {
  const out = wayOut ? '<a class="go" href="/">To the market</a>' : '';
  const body = `<main><div class="lantern" aria-hidden="true">${status}</div><h1>${escaped(heading)}</h1><p>${escaped(words)}</p>${out}</main>`;
  return page({ title: `${heading} · Elevens`, style: problemStyle, body, fonts });
}
