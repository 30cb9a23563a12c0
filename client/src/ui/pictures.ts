import type { Logo, Picture } from '@elevens/shared/src/catalogue/records.ts';

/**
 * Pictures from catalogue data: pure functions, a record in, SVG markup out. Nothing is fetched. Light falls from the left;
 * every thing is two flat tones, one highlight and one accent on a ground sheet with a folded paper-cut behind it.
 */

interface Papers {
  b: string;
  s: string;
  l: string;
  a: string;
  k: number;
}

const r1 = (n: number): number => Math.round(n * 10) / 10;
const ring = (n: number, f: (angle: number) => string): string =>
  Array.from({ length: n }, (_, i) => f((360 / n) * i)).join('');

/** Colours come out of the catalogue into markup; what is no colour becomes this one, so that a record can never be code. */
const strayColour = '#4c2a4b';
const colour = (text: string | undefined): string =>
  text !== undefined && /^#[0-9a-f]{6}$/i.test(text) ? text : strayColour;

/** 5 to 14 folds, always the same for one id (FNV-1a). */
export function foldOf(id: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < id.length; i++) hash = Math.imul(hash ^ id.charCodeAt(i), 0x01000193);
  return 5 + ((hash >>> 0) % 10);
}

function papersOf(picture: Picture): Papers {
  const [b, s, l] = picture.tone;
  return {
    b: colour(b),
    s: colour(s),
    l: colour(l),
    a: colour(picture.accent),
    k: Math.min(120, Math.max(80, picture.proportion)) / 100,
  };
}

interface Medallion {
  cx: number;
  cy: number;
  r: number;
  fold: number;
  ink: string;
  cut: string;
}

/** A round paper-cut, folded n times: teeth outside, crescents and drops inside. */
function medallion({ cx, cy, r, fold, ink, cut }: Medallion): string {
  const teeth = ring(
    fold * 4,
    (a) =>
      `<path d="M-${r1(r * 0.07)} 0L0-${r1(r * 0.1)}L${r1(r * 0.07)} 0Z" transform="rotate(${r1(a)})translate(0-${r1(r * 0.985)})"/>`,
  );
  const w = (r * 2.3) / fold;
  const crescents = ring(
    fold,
    (a) =>
      `<path d="M-${r1(w * 0.8)} 0A${r1(w)} ${r1(w)} 0 0 1 ${r1(w * 0.8)} 0A${r1(w * 1.25)} ${r1(w * 1.25)} 0 0 0-${r1(w * 0.8)} 0Z" transform="rotate(${r1(a)})translate(0-${r1(r * 0.8)})"/>`,
  );
  const drops = ring(
    fold,
    (a) =>
      `<path d="M0-${r1(r * 0.2)}C${r1(w * 0.42)}-${r1(r * 0.05)} ${r1(w * 0.3)} ${r1(r * 0.1)} 0 ${r1(r * 0.12)}C-${r1(w * 0.3)} ${r1(r * 0.1)}-${r1(w * 0.42)}-${r1(r * 0.05)} 0-${r1(r * 0.2)}Z" transform="rotate(${r1(a + 180 / fold)})translate(0-${r1(r * 0.56)})"/>`,
  );
  const dots = ring(
    fold,
    (a) => `<circle r="${r1(r * 0.028)}" transform="rotate(${r1(a)})translate(0-${r1(r * 0.5)})"/>`,
  );
  return `<g transform="translate(${cx} ${cy})"><g fill="${ink}"><circle r="${r}"/>${teeth}</g><g fill="${cut}">${crescents}${drops}${dots}</g></g>`;
}

const shapes: Record<Picture['shape'], (paper: Papers) => string> = {
  kettle: ({ b, s, l, a, k }) =>
    `<path d="M62 ${r1(190 - 84 * k)}Q58 188 70 192H148Q160 188 156 ${r1(190 - 84 * k)}Q109 ${r1(170 - 84 * k)} 62 ${r1(190 - 84 * k)}Z" fill="${b}"/><path d="M120 ${r1(181 - 84 * k)}Q126 150 122 192H148Q160 188 156 ${r1(190 - 84 * k)}Q140 ${r1(182 - 84 * k)} 120 ${r1(181 - 84 * k)}Z" fill="${s}"/><path d="M153 168C184 164 174 96 202 84" fill="none" stroke="${b}" stroke-width="9"/><path d="M196 80l16 2-10 12z" fill="${s}"/><path d="M66 ${r1(188 - 84 * k)}C20 84 34 ${r1(240 - 84 * k)} 64 168" fill="none" stroke="${s}" stroke-width="11"/><path d="M70 ${r1(186 - 84 * k)}Q109 ${r1(160 - 84 * k)} 148 ${r1(186 - 84 * k)}Z" fill="${l}"/><circle cx="109" cy="${r1(166 - 84 * k)}" r="8" fill="${a}"/><path d="M74 ${r1(204 - 84 * k)}Q70 166 76 182" stroke="${l}" stroke-width="5" fill="none" stroke-linecap="round"/>`,
  lamp: ({ b, s, l, a, k }) =>
    `<path d="M112 150h16v36h-16z" fill="${s}"/><path d="M76 186h88l8 10H68z" fill="${s}"/><path d="M82 44C${r1(48 / k)} 74 ${r1(48 / k)} 124 82 154h76c${r1(34 * k)}-30 ${r1(34 * k)}-80 0-110z" fill="${b}"/><path d="M126 44h32c${r1(34 * k)} 30 ${r1(34 * k)} 80 0 110h-32c22-34 22-78 0-110z" fill="${s}" opacity=".55"/>${[66, 84, 102, 120, 137].map((y) => `<path d="M${r1(68 + Math.abs(100 - y) * 0.2)} ${y}Q120 ${y + 6} ${r1(172 - Math.abs(100 - y) * 0.2)} ${y}" stroke="${l}" stroke-width="2.5" fill="none" opacity=".8"/>`).join('')}<ellipse cx="106" cy="102" rx="22" ry="36" fill="${l}" opacity=".5"/><path d="M88 36h64v9H88zM88 152h64v8H88z" fill="${a}"/>`,
  headphones: ({ b, s, l, a, k }) =>
    `<path d="M58 148C52 ${r1(70 - 20 * k)} 90 46 120 46s68 ${r1(24 - 20 * (k - 1))} 62 102" fill="none" stroke="${s}" stroke-width="19"/><path d="M66 120C70 78 96 60 120 60s50 18 54 60" fill="none" stroke="${l}" stroke-width="4" opacity=".7"/><rect x="40" y="122" width="44" height="70" rx="20" fill="${b}"/><rect x="156" y="122" width="44" height="70" rx="20" fill="${b}"/><rect x="74" y="126" width="18" height="62" rx="9" fill="${s}"/><rect x="148" y="126" width="18" height="62" rx="9" fill="${s}"/><circle cx="58" cy="157" r="10" fill="${a}"/><circle cx="182" cy="157" r="10" fill="${a}"/><path d="M48 138q4-9 12-10" stroke="${l}" stroke-width="4" fill="none" stroke-linecap="round"/>`,
  knit: ({ b, s, l, a, k }) =>
    `<path d="M88 54L44 84 28 168l30 8 14-56v74h96v-74l14 56 30-8-16-84-44-30Q120 76 88 54Z" fill="${b}"/><path d="M168 120v74h-30V66q10-4 14-12l44 30 16 84-30 8z" fill="${s}" opacity=".6"/><path d="M88 54Q120 80 152 54l-6-8q-26 16-52 0z" fill="${s}"/>${[0, 1, 2].map((i) => `<path d="M74 ${r1(100 + i * 14 * k)}${'l6-7 6 7'.repeat(Math.floor(92 / 12))}" fill="none" stroke="${i === 1 ? a : l}" stroke-width="4"/>`).join('')}<path d="M72 186h96v10H72zM29 160l30 8-2 9-30-8zM211 160l-30 8 2 9 30-8z" fill="${s}"/>`,
  jar: ({ b, s, l, a, k }) =>
    `<rect x="66" y="${r1(192 - 92 * k)}" width="108" height="${r1(92 * k)}" rx="16" fill="${b}"/><path d="M134 ${r1(192 - 92 * k)}h24q16 0 16 16v${r1(92 * k - 32)}q0 16-16 16h-24z" fill="${s}" opacity=".55"/><rect x="62" y="${r1(154 - 92 * k)}" width="116" height="42" rx="5" fill="${s}"/><path d="M72 ${r1(160 - 92 * k)}v30M84 ${r1(160 - 92 * k)}v30M96 ${r1(160 - 92 * k)}v30" stroke="${l}" stroke-width="3" opacity=".7"/><rect x="86" y="${r1(214 - 92 * k)}" width="68" height="${r1(44 * k)}" fill="${l}"/><circle cx="120" cy="${r1(214 - 92 * k + 22 * k)}" r="11" fill="${a}"/><path d="M131 ${r1(208 - 92 * k + 22 * k)}a12 12 0 1 1-12-8 9 9 0 0 0 12 8z" fill="${l}"/>`,
  toy: ({ b, s, l, a, k }) =>
    `<ellipse cx="120" cy="180" rx="62" ry="16" fill="${s}"/><path d="M62 160h116v16q-58 22-116 0z" fill="${b}"/><rect x="74" y="130" width="92" height="28" rx="14" fill="${a}"/><rect x="86" y="${r1(128 - 26 * k)}" width="68" height="${r1(26 * k)}" rx="13" fill="${l}"/><path d="M120 ${r1(94 - 26 * k)}m-30 0a30 30 0 1 0 60 0a30 30 0 1 0-60 0" fill="${b}"/><path d="M126 ${r1(66 - 26 * k)}a30 30 0 0 1 0 56a36 36 0 0 0 0-56z" fill="${s}"/><path d="M108 ${r1(92 - 26 * k)}q5-7 10 0M124 ${r1(92 - 26 * k)}q5-7 10 0" stroke="${s}" stroke-width="3.5" fill="none" stroke-linecap="round"/><path d="M116 ${r1(102 - 26 * k)}q5 5 10 0" stroke="${s}" stroke-width="3" fill="none" stroke-linecap="round"/><path d="M92 134h22v20H92z" fill="${b}" opacity=".5"/>`,
  pan: ({ b, s, l, a, k }) =>
    `<path d="M150 150L214 96l12 12-62 60z" fill="${a}"/><path d="M206 92l14 22" stroke="${l}" stroke-width="4"/><ellipse cx="104" cy="142" rx="${r1(78 * k)}" ry="40" fill="${s}"/><ellipse cx="104" cy="132" rx="${r1(78 * k)}" ry="40" fill="${b}"/><ellipse cx="104" cy="132" rx="${r1(62 * k)}" ry="29" fill="${s}"/><path d="M56 126q14-17 44-18" stroke="${l}" stroke-width="5" fill="none" stroke-linecap="round"/><path d="M84 62q-12 14 0 26t0 24M112 52q-12 14 0 26t0 24M138 64q-12 13 0 24t0 22" stroke="${l}" stroke-width="5" fill="none" stroke-linecap="round" opacity=".6"/>`,
  speaker: ({ b, s, l, a, k }) =>
    `<path d="M96 58V40h48v18" fill="none" stroke="${s}" stroke-width="9"/><rect x="${r1(120 - 60 * k)}" y="58" width="${r1(120 * k)}" height="136" rx="10" fill="${b}"/><path d="M${r1(120 + 26 * k)} 58h${r1(24 * k)}q10 0 10 10v116q0 10-10 10h-${r1(24 * k)}z" fill="${s}" opacity=".5"/><circle cx="120" cy="144" r="38" fill="${s}"/><circle cx="120" cy="144" r="26" fill="none" stroke="${l}" stroke-width="3"/><circle cx="120" cy="144" r="14" fill="${a}"/><circle cx="98" cy="84" r="12" fill="${s}"/><circle cx="98" cy="84" r="5" fill="${l}"/><path d="M122 76h28M122 84h28M122 92h18" stroke="${l}" stroke-width="3.5"/>`,
};

const forms: Record<Logo['form'], string> = {
  disc: '<circle cx="24" cy="24" r="22"/>',
  arch: '<path d="M4 46V22a20 20 0 0 1 40 0v24z"/>',
  drop: '<path d="M24 1C36 16 44 22 44 31a20 16 0 0 1-40 0C4 22 12 16 24 1z"/>',
  notch: '<path d="M12 2h24a10 10 0 0 0 10 10v24a10 10 0 0 0-10 10H12A10 10 0 0 0 2 36V12A10 10 0 0 0 12 2z"/>',
  gate: '<path d="M2 12Q24 0 46 12l-4 8v26H6V20z"/>',
  wave: '<path d="M2 8q11-8 22 0t22 0v32q-11 8-22 0t-22 0z"/>',
};
const cuts: Record<Logo['cut'], string> = {
  steam:
    '<path d="M12 38h24v-6H12zM17 27q-5-6 0-11M24 27q-5-6 0-13M31 27q-5-6 0-11" stroke-width="3.4" fill="none"/><path d="M11 33h26l-4 8H15z" stroke="none"/>',
  ribs: '<path d="M14 40V20M20.500 40V14M27.500 40V14M34 40V20" stroke-width="3.2" fill="none"/>',
  waves: '<path d="M8 18q8-7 16 0t16 0M8 26q8-7 16 0t16 0M8 34q8-7 16 0t16 0" stroke-width="3.2" fill="none"/>',
  moon: '<path d="M34 30A13 13 0 1 1 22 12a10.500 10.500 0 0 0 12 18z" stroke="none"/><circle cx="33" cy="17" r="2.600" stroke="none"/>',
  knit: '<path d="M9 20l5-6 5 6 5-6 5 6 5-6 5 6M9 28l5-6 5 6 5-6 5 6 5-6 5 6M9 36l5-6 5 6 5-6 5 6 5-6 5 6" stroke-width="3" fill="none"/>',
  orbit:
    '<circle cx="24" cy="24" r="6" stroke="none"/><ellipse cx="24" cy="24" rx="15" ry="8" fill="none" stroke-width="3" transform="rotate(-28 24 24)"/>',
};
/** The shape's drawing; a shape that this version does not know is drawn as a jar. */
function thing(picture: Picture): string {
  return (shapes[picture.shape] ?? shapes.jar)(papersOf(picture));
}

/** The whole picture, 240 by 240. */
export function productPicture(id: string, picture: Picture): string {
  const { b, l } = papersOf(picture);
  const ground = colour(picture.ground);
  const sheet = `color-mix(in srgb, ${b} 34%, ${ground})`;
  return (
    `<rect width="240" height="240" fill="${ground}"/>` +
    medallion({ cx: 120, cy: 114, r: 96, fold: foldOf(id), ink: sheet, cut: ground }) +
    `<path d="M0 196H240V240H0Z" fill="#000" opacity=".26"/><path d="M0 196H240" stroke="${l}" stroke-width="1.5" opacity=".35"/>` +
    `<ellipse cx="120" cy="197" rx="84" ry="7" fill="#000" opacity=".35"/>` +
    thing(picture)
  );
}

/** The thing alone, cut out, for a stage of its own. */
export function productCutout(picture: Picture): string {
  return `<ellipse cx="120" cy="197" rx="84" ry="7" fill="#000" opacity=".4"/>${thing(picture)}`;
}

/** The two colours of a thing's stage: the paper it is cut from, and its dark ground. */
export function stageColours(picture: Picture): { base: string; ground: string } {
  return { base: colour(picture.tone[0]), ground: colour(picture.ground) };
}

/** The big paper-cut behind a thing on its stage, in the tones of its picture. */
export function productMedallion(id: string): string {
  return medallion({ cx: 120, cy: 120, r: 108, fold: foldOf(id), ink: 'var(--ink)', cut: 'var(--cut)' });
}

/** A brand's sign, 48 by 48. */
export function brandLogo(logo: Logo): string {
  const tone = colour(logo.tone);
  const on = colour(logo.on);
  return `<g fill="${tone}">${forms[logo.form] ?? forms.disc}</g><g fill="${on}" stroke="${on}">${cuts[logo.cut] ?? ''}</g>`;
}
