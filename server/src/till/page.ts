import { escaped } from '../platform/http/look.ts';
import {
  type CardNumber,
  cards,
  type Delays,
  declinesMax,
  type Locale,
  locales,
  refundedMinor,
  type Session,
} from './session.ts';
import { filled, type Words, words } from './words.ts';

/** The hosted page, drawn whole for each state. It works without its script; with it, it moves by itself. */

/** What is behind the page of a session. */
export interface PageNeeds {
  session: Session;
  locale: Locale;
  nowMs: number;
  /** Whom the shopper pays, and the address that the till shows as its own. */
  shop: string;
  host: string;
  /** The path under which the till is served, without a slash at its end: '' or '/till'. */
  base: string;
  delays: Delays;
}

const icons = {
  shield:
    '<path d="M12 2l8.500 3.500v6c0 5-3.500 8.500-8.500 10.500-5-2-8.500-5.500-8.500-10.500v-6z"/><path d="M8 12l3 3 5.500-6"/>',
  check: '<path d="M3.500 12.500l5.500 6L20.500 5.500" stroke-width="2.600"/>',
  hold: '<path d="M6 2.500h12M6 21.500h12M7.500 2.500c0 5 4.500 6 4.500 9.500 0-3.500 4.500-4.500 4.500-9.500M7.500 21.500c0-5 4.500-6 4.500-9.500 0 3.500 4.500 4.500 4.500 9.500"/><path d="M9 20q3-5 6 0z" class="s"/>',
  close: '<path d="M4.500 4.500l15 15M19.500 4.500l-15 15"/>',
  bar: '<circle cx="12" cy="12" r="9.500"/><path d="M6 12h12" stroke-width="3"/>',
} as const;
const icon = (name: keyof typeof icons) => `<svg class="i" viewBox="0 0 24 24" aria-hidden="true">${icons[name]}</svg>`;
const coin =
  '<svg viewBox="0 0 48 48" aria-hidden="true"><circle cx="24" cy="24" r="22" fill="#c9772f"/><circle cx="24" cy="24" r="17.500" fill="none" stroke="#ffe0bd" stroke-width="2"/><path d="M15 15h18v18H15z" fill="#3a2114"/><path d="M15 21h18M15 27h18" stroke="#ffe0bd" stroke-width="2"/><circle cx="20" cy="21" r="3" fill="#ffe0bd"/><circle cx="28" cy="27" r="3" fill="#ffe0bd"/></svg>';

const intlOf: Record<Locale, string> = { en: 'en', zh: 'zh-CN', nl: 'nl', vi: 'vi' };

/** Parts of an amount: the sign of the currency apart from the number, in the order of the language. */
function money(amountMinor: number, currency: string, locale: Locale) {
  const format = new Intl.NumberFormat(intlOf[locale], {
    style: 'currency',
    currency,
    currencyDisplay: 'narrowSymbol',
  });
  const decimals = format.resolvedOptions().maximumFractionDigits ?? 2;
  const parts = format.formatToParts(amountMinor / 10 ** decimals);
  const text = parts.map(({ value }) => value).join('');
  const big = parts
    .map(({ type, value }) => (type === 'currency' ? `<small>${escaped(value)}</small>` : escaped(value.trim())))
    .join('');
  return { text, big };
}

/** "20 seconds", in whole ones and in the language of the page. */
function seconds(ms: number, locale: Locale): string {
  const format = new Intl.NumberFormat(intlOf[locale], { style: 'unit', unit: 'second', unitDisplay: 'long' });
  return format.format(Math.max(0, Math.round(ms / 1_000)));
}

/** A time that the script rewrites in the shopper's own zone; without it, in UTC and saying so. */
function timeTag(atMs: number): string {
  const iso = new Date(atMs).toISOString();
  return `<time datetime="${iso}">${iso.slice(11, 19)} UTC</time>`;
}

export function sessionPage(needs: PageNeeds): string {
  const { session, locale, shop } = needs;
  const w = words[locale];
  const say = (text: string, values: Readonly<Record<string, string>> = {}) =>
    filled(escaped(text), { shop: escaped(shop), ...values });
  const sum = money(session.amountMinor, session.currency, locale);
  const back = `<a class="quiet" href="${escaped(session.returnUrl)}">${say(w.back)}</a>`;

  const state = {
    open: () => openState(needs, say, sum),
    processing: () => processingState(needs, say),
    succeeded: () => {
      const refunded = refundedMinor(session) > 0;
      return {
        title: refunded ? w.refunded : w.paid,
        main: `<section class="say"><h1 tabindex="-1">${say(w.paid)}</h1><p>${say(w.paidNext)}</p></section>${due({ session, locale }, say(w.youPaid), sum)}${refunds(session, locale, w)}`,
        foot: `<a class="sign gold" ${refunded ? '' : 'data-go'} href="${escaped(session.returnUrl)}"><b>${say(w.back)}</b>${refunded ? '' : `<span>${say(w.goingBack)}</span>`}</a>`,
      };
    },
    expired: () => ({
      title: w.expired,
      main: `<section class="say"><h1 tabindex="-1">${say(w.expired)}</h1><p>${say(w.expiredNext)}</p></section>${due({ session, locale }, say(w.notCharged), sum)}`,
      foot: `<a class="sign gold" href="${escaped(session.returnUrl)}"><b>${say(w.back)}</b></a>`,
    }),
  }[session.status]();

  const running = session.status === 'open' || session.status === 'processing';
  const leftMs = Math.max(0, session.expiresAtMs - needs.nowMs);
  const hold = running
    ? `<section class="hold" data-left="${leftMs}" data-whole="${session.expiresAtMs - session.createdAtMs}"><span class="num" role="timer" aria-live="off"></span><span class="four" aria-hidden="true"><i></i><i></i><i></i><i></i></span><p>${say(w.held, { time: timeTag(session.expiresAtMs) })}</p></section>`
    : '';
  // Without the script a page that waits comes round by itself.
  const again = session.status === 'processing' ? '<noscript><meta http-equiv="refresh" content="3"></noscript>' : '';
  return whole({
    ...needs,
    w,
    path: session.id,
    title: `${state.title} · Copper Till`,
    head: again,
    main: `${hold}<div class="two" data-status="${session.status}" data-words="${escaped(JSON.stringify({ noAnswer: w.noAnswer }))}">${state.main}<div class="foot">${state.foot}${session.status === 'processing' ? back : ''}</div></div>`,
  });
}

type Say = (text: string, values?: Readonly<Record<string, string>>) => string;
type Sum = ReturnType<typeof money>;

/** What is paid for, and how much. */
function due({ session, locale }: Pick<PageNeeds, 'session' | 'locale'>, lead: string, sum: Sum): string {
  const w = words[locale];
  const rows = [
    { label: w.for, text: session.description },
    // What the shop says of a payment is not so of one that never came.
    ...(session.status === 'expired' ? [] : session.lines),
    { label: w.payment, text: shortNumber(session) },
  ];
  const list = rows.map(({ label, text }) => `<dt>${escaped(label)}</dt><dd>${escaped(text)}</dd>`).join('');
  // A number that outgrows its place steps down; it never wraps.
  const size = sum.text.length > 14 ? ' smaller' : sum.text.length > 9 ? ' small' : '';
  return `<section class="what"><p class="lead">${lead}</p><span class="n${size}">${sum.big}</span><dl>${list}</dl></section>`;
}

/** The end of a reference is what tells two of them apart at the till; whole it is only for machines. */
function shortNumber({ reference }: Session): string {
  return reference.length > 16 ? `${reference.slice(0, 4)}…${reference.slice(-6)}` : reference;
}

function openState(needs: PageNeeds, say: Say, sum: Sum) {
  const { session, locale, delays } = needs;
  const w = words[locale];
  const values = { slow: seconds(delays.slowMs, locale), late: seconds(delays.lateMs, locale) };
  const worn = session.declines >= declinesMax;
  const refusedWords = worn ? [w.tooManyTries, w.tooManyTriesNext] : [w.saidNo, w.saidNoNext];
  const refused =
    session.declines === 0
      ? ''
      : `<section class="refused" role="alert">${icon('bar')}<p><b>${say(refusedWords[0] ?? '')}</b>${say(refusedWords[1] ?? '')}</p></section>`;
  // After a refusal the card that was refused is not offered first again.
  const chosen: CardNumber = '4242';
  const choices = (Object.keys(cards) as CardNumber[])
    .toSorted((a, b) => order.indexOf(a) - order.indexOf(b))
    .map((number) => {
      const { name, says } = w.cards[number];
      return `<label><input type="radio" name="card" value="${number}"${number === chosen ? ' checked' : ''}><span><b>${escaped(name)}</b><small>${say(says, values)}</small></span><span class="num">${number}</span></label>`;
    })
    .join('');
  const pay = worn
    ? ''
    : `<button class="sign gold" type="submit" form="pay"><b>${say(w.pay, { amount: escaped(sum.text) })}</b><span>${say(w.payNext)}</span></button>`;
  return {
    title: session.declines > 0 ? w.saidNo : filled(w.youPay, { shop: needs.shop }),
    main: `<div class="left"><h1 class="vh" tabindex="-1">${say(w.youPay)}</h1>${due(needs, say(w.youPay), sum)}</div>
<form class="right" id="pay" method="post" action="${escaped(`${needs.base}/pay/${session.id}`)}?lang=${locale}">${refused}<div class="titled"><h2 id="which">${say(w.whichCard)}</h2><span>${say(w.noRealMoney)}</span></div><div class="cards" role="radiogroup" aria-labelledby="which">${choices}</div></form>`,
    foot: `${pay}<a class="quiet" href="${escaped(session.returnUrl)}">${say(w.backNothing)}</a>`,
  };
}

/** As on the page: what works, what takes patience, and then what only a shop's books can tell apart. */
const order: readonly CardNumber[] = ['4242', '2020', '0002', '1111', '2222', '3210', '0404'];

function processingState({ session, locale, nowMs }: PageNeeds, say: Say) {
  const w = words[locale];
  const sinceMs = Math.max(0, nowMs - session.pressedAtMs);
  const takes = seconds(session.answersAtMs - session.pressedAtMs, locale);
  const soFar = filled(escaped(w.soFar), {
    n: `<span data-since="${sinceMs}">${escaped(seconds(sinceMs, locale))}</span>`,
  });
  return {
    title: w.thinking,
    main: `<section class="say"><h1 tabindex="-1">${say(w.thinking)}</h1><div class="wait" aria-hidden="true"><i></i><i></i><i></i><i></i></div><p class="mid"><b>${soFar}</b> ${say(w.cardTakes, { n: takes })}</p></section>
<ul class="rows"><li>${icon('check')}<span>${say(w.notTwice)}<small>${say(w.oneNumber, { number: escaped(shortNumber(session)) })}</small></span></li><li>${icon('hold')}<span>${say(w.ifLate, { time: timeTag(session.expiresAtMs) })}<small>${say(w.ifLateNext)}</small></span></li><li>${icon('close')}<span>${say(w.mayClose)}<small>${say(w.mayCloseNext)}</small></span></li></ul>`,
    foot: `<button class="sign" type="button" aria-disabled="true"><b>${say(w.waiting)}</b><span>${say(w.secondTap)}</span></button>`,
  };
}

function refunds(session: Session, locale: Locale, w: Words): string {
  if (session.refunds.length === 0) return '';
  const rows = session.refunds
    .map(({ amountMinor, status }) => {
      const { text } = money(amountMinor, session.currency, locale);
      return `<li>${icon(status === 'succeeded' ? 'check' : 'hold')}<span>${escaped(text)}<small>${escaped(status === 'succeeded' ? w.sent : w.onTheWay)}</small></span></li>`;
    })
    .join('');
  return `<section class="back"><h2>${escaped(w.refunded)}</h2><ul class="rows">${rows}</ul></section>`;
}

/** What stands at an address that leads to no session. */
export function nowherePage(needs: { locale: Locale; host: string; base: string }): string {
  const w = words[needs.locale];
  return whole({
    ...needs,
    w,
    path: '',
    title: `${w.noSession} · Copper Till`,
    head: '',
    main: `<div class="two"><section class="say"><h1 tabindex="-1">${escaped(w.noSession)}</h1><p>${escaped(w.noSessionNext)}</p></section></div>`,
  });
}

function whole({
  locale,
  w,
  host,
  base,
  path,
  title,
  head,
  main,
}: {
  locale: Locale;
  w: Words;
  host: string;
  base: string;
  path: string;
  title: string;
  head: string;
  main: string;
}): string {
  const languages = locales
    .map((other) =>
      other === locale
        ? `<b lang="${other}">${words[other].language}</b>`
        : `<a lang="${other}" href="${escaped(`${base}/pay/${path}`)}?lang=${other}">${words[other].language}</a>`,
    )
    .join('');
  return `<!doctype html>
<html lang="${intlOf[locale]}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="theme-color" content="#3a2114">
<title>${escaped(title)}</title>
<link rel="icon" href="${escaped(base)}/assets/till.svg">
<link rel="stylesheet" href="${escaped(base)}/assets/till.css">
<script src="${escaped(base)}/assets/till.js" defer></script>
${head}</head>
<body>
<header class="till"><div>${coin}<p><b>Copper Till</b><small>${icon('shield')}${escaped(host)}</small></p><em>${escaped(w.sandbox)}</em></div></header>
<main class="room">${main}<nav class="tongues">${languages}</nav></main>
</body>
</html>
`;
}
