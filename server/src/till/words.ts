import type { CardNumber, Locale } from './session.ts';

/** What the till says, in the four languages of its shops. `{…}` is filled in; everything filled in is escaped later. */
export interface Words {
  language: string;
  sandbox: string;
  held: string;
  youPay: string;
  youPaid: string;
  notCharged: string;
  for: string;
  payment: string;
  whichCard: string;
  noRealMoney: string;
  cards: Record<CardNumber, { name: string; says: string }>;
  pay: string;
  payNext: string;
  back: string;
  backNothing: string;
  saidNo: string;
  saidNoNext: string;
  tooManyTries: string;
  tooManyTriesNext: string;
  thinking: string;
  soFar: string;
  cardTakes: string;
  notTwice: string;
  oneNumber: string;
  ifLate: string;
  ifLateNext: string;
  mayClose: string;
  mayCloseNext: string;
  waiting: string;
  secondTap: string;
  paid: string;
  paidNext: string;
  goingBack: string;
  expired: string;
  expiredNext: string;
  refunded: string;
  onTheWay: string;
  sent: string;
  noSession: string;
  noSessionNext: string;
  noAnswer: string;
}

export const words: Record<Locale, Words> = {
  en: {
    language: 'English',
    sandbox: 'Sandbox',
    held: '{shop} holds this for you until {time}',
    youPay: 'You pay {shop}',
    youPaid: 'You paid {shop}',
    notCharged: 'Not charged',
    for: 'For',
    payment: 'Payment',
    whichCard: 'Which test card',
    noRealMoney: 'no real money moves',
    cards: {
      '4242': { name: 'Pays at once', says: 'answer in under a second' },
      '0002': { name: 'Bank says no', says: 'nothing taken, hold stays' },
      '2020': { name: 'Pays slowly', says: 'answer after {slow}' },
      '1111': { name: 'Pays too late', says: 'answer {late} after the hold has lapsed' },
      '2222': { name: 'Pays, told twice', says: 'the shop hears the same news two times' },
      '3210': { name: 'Pays, told in disorder', says: 'an older “no” reaches the shop after the “paid”' },
      '0404': { name: 'Pays, never told', says: 'the shop has to ask, which can take a while' },
    },
    pay: 'Pay {amount}',
    payNext: 'Then back to {shop} by itself',
    back: 'Back to {shop}',
    backNothing: 'Back to {shop}, nothing charged',
    saidNo: 'Your bank said no',
    saidNoNext: 'Nothing was taken. Choose another card, the hold stays.',
    tooManyTries: 'That was one refused card too many',
    tooManyTriesNext: 'Nothing was taken. Go back to {shop} and start again.',
    thinking: 'Your bank is thinking',
    soFar: '{n} so far.',
    cardTakes: 'This card takes {n}.',
    notTwice: 'You cannot pay twice',
    oneNumber: 'One number, {number}, one payment',
    ifLate: 'If the answer comes after {time}',
    ifLateNext: 'Yours if one is free, else all money returns',
    mayClose: 'You may close this page',
    mayCloseNext: 'The answer reaches {shop} without you',
    waiting: 'Waiting for the bank',
    secondTap: 'A second tap changes nothing',
    paid: 'Paid',
    paidNext: 'Your money is with {shop}. You need not wait here.',
    goingBack: 'You are on the way there',
    expired: 'The time to pay is over',
    expiredNext: 'Nothing was charged. What was held has gone back to {shop}.',
    refunded: 'Going back to you',
    onTheWay: 'on its way',
    sent: 'sent to your card',
    noSession: 'No payment here',
    noSessionNext: 'This address leads to no payment. Go back to the shop and start from your order.',
    noAnswer: 'No answer from the till. Nothing was charged twice; press again.',
  },
  zh: {
    language: '中文',
    sandbox: '沙盒',
    held: '{shop} 为您保留到 {time}',
    youPay: '您付给 {shop}',
    youPaid: '您已付给 {shop}',
    notCharged: '没有扣款',
    for: '用于',
    payment: '支付编号',
    whichCard: '选一张测试卡',
    noRealMoney: '不动用真钱',
    cards: {
      '4242': { name: '立即付款', says: '不到一秒就有答复' },
      '0002': { name: '银行拒绝', says: '不扣款，保留不变' },
      '2020': { name: '慢慢付款', says: '{slow}后答复' },
      '1111': { name: '付得太晚', says: '保留失效{late}后才答复' },
      '2222': { name: '付款，通知两次', says: '商家会听到两遍同样的消息' },
      '3210': { name: '付款，通知乱序', says: '“已付”之后才送到一条更早的“拒绝”' },
      '0404': { name: '付款，从不通知', says: '商家得自己来问，可能要等一会儿' },
    },
    pay: '支付 {amount}',
    payNext: '然后自动回到 {shop}',
    back: '回到 {shop}',
    backNothing: '回到 {shop}，不扣款',
    saidNo: '银行拒绝了',
    saidNoNext: '没有扣款。请换一张卡，保留不变。',
    tooManyTries: '被拒的次数太多了',
    tooManyTriesNext: '没有扣款。请回到 {shop} 重新开始。',
    thinking: '银行正在考虑',
    soFar: '已等{n}。',
    cardTakes: '这张卡要{n}。',
    notTwice: '不会重复付款',
    oneNumber: '一个编号 {number}，一笔付款',
    ifLate: '如果在 {time} 之后才有答复',
    ifLateNext: '还有货就归您，否则全额退回',
    mayClose: '可以关掉这一页',
    mayCloseNext: '您不在，答复也会送到 {shop}',
    waiting: '正在等银行',
    secondTap: '再按一次不会有变化',
    paid: '已付款',
    paidNext: '钱已到 {shop}，您不必在这里等。',
    goingBack: '正在带您回去',
    expired: '付款时间已过',
    expiredNext: '没有扣款。保留的商品已回到 {shop}。',
    refunded: '正在退给您',
    onTheWay: '在路上',
    sent: '已退到您的卡',
    noSession: '这里没有付款',
    noSessionNext: '这个地址没有对应的付款。请回到商家，从您的订单开始。',
    noAnswer: '收银台没有答复。不会重复扣款，请再按一次。',
  },
  nl: {
    language: 'Nederlands',
    sandbox: 'Oefenkassa',
    held: '{shop} houdt dit voor je vast tot {time}',
    youPay: 'Je betaalt {shop}',
    youPaid: 'Je betaalde {shop}',
    notCharged: 'Niet afgeschreven',
    for: 'Voor',
    payment: 'Betaling',
    whichCard: 'Welke testkaart',
    noRealMoney: 'er gaat geen echt geld om',
    cards: {
      '4242': { name: 'Betaalt meteen', says: 'antwoord binnen een seconde' },
      '0002': { name: 'Bank zegt nee', says: 'niets afgeschreven, je houdt je plek' },
      '2020': { name: 'Betaalt langzaam', says: 'antwoord na {slow}' },
      '1111': { name: 'Betaalt te laat', says: 'antwoord {late} nadat de tijd om is' },
      '2222': { name: 'Betaalt, twee keer gemeld', says: 'de winkel hoort hetzelfde twee keer' },
      '3210': { name: 'Betaalt, door elkaar gemeld', says: 'een oudere “nee” komt na het “betaald”' },
      '0404': { name: 'Betaalt, nooit gemeld', says: 'de winkel moet het vragen, dat kan even duren' },
    },
    pay: 'Betaal {amount}',
    payNext: 'Daarna vanzelf terug naar {shop}',
    back: 'Terug naar {shop}',
    backNothing: 'Terug naar {shop}, niets afgeschreven',
    saidNo: 'Je bank zei nee',
    saidNoNext: 'Er is niets afgeschreven. Kies een andere kaart, je houdt je plek.',
    tooManyTries: 'Er zijn te veel kaarten geweigerd',
    tooManyTriesNext: 'Er is niets afgeschreven. Ga terug naar {shop} en begin opnieuw.',
    thinking: 'Je bank denkt na',
    soFar: '{n} tot nu toe.',
    cardTakes: 'Deze kaart doet er {n} over.',
    notTwice: 'Je kunt niet dubbel betalen',
    oneNumber: 'Eén nummer, {number}, één betaling',
    ifLate: 'Komt het antwoord na {time}',
    ifLateNext: 'Van jou als er een vrij is, anders al je geld terug',
    mayClose: 'Je mag deze pagina sluiten',
    mayCloseNext: 'Het antwoord bereikt {shop} ook zonder jou',
    waiting: 'Wachten op de bank',
    secondTap: 'Nog een keer tikken verandert niets',
    paid: 'Betaald',
    paidNext: 'Je geld is bij {shop}. Je hoeft hier niet te wachten.',
    goingBack: 'Je bent onderweg terug',
    expired: 'De tijd om te betalen is om',
    expiredNext: 'Er is niets afgeschreven. Wat werd vastgehouden is terug bij {shop}.',
    refunded: 'Gaat naar je terug',
    onTheWay: 'onderweg',
    sent: 'teruggestort op je kaart',
    noSession: 'Hier is geen betaling',
    noSessionNext: 'Dit adres leidt naar geen betaling. Ga terug naar de winkel en begin bij je bestelling.',
    noAnswer: 'De kassa antwoordt niet. Er is niets dubbel afgeschreven; druk nog eens.',
  },
  vi: {
    language: 'Tiếng Việt',
    sandbox: 'Thử nghiệm',
    held: '{shop} giữ hàng cho bạn đến {time}',
    youPay: 'Bạn trả cho {shop}',
    youPaid: 'Bạn đã trả cho {shop}',
    notCharged: 'Không trừ tiền',
    for: 'Cho',
    payment: 'Thanh toán',
    whichCard: 'Chọn thẻ thử',
    noRealMoney: 'không có tiền thật',
    cards: {
      '4242': { name: 'Trả ngay', says: 'trả lời trong chưa đầy một giây' },
      '0002': { name: 'Ngân hàng từ chối', says: 'không trừ tiền, vẫn giữ hàng' },
      '2020': { name: 'Trả chậm', says: 'trả lời sau {slow}' },
      '1111': { name: 'Trả quá muộn', says: 'trả lời {late} sau khi hết giờ giữ' },
      '2222': { name: 'Trả, báo hai lần', says: 'cửa hàng nghe cùng một tin hai lần' },
      '3210': { name: 'Trả, báo lộn thứ tự', says: 'tin “từ chối” cũ đến sau tin “đã trả”' },
      '0404': { name: 'Trả, không báo', says: 'cửa hàng phải tự hỏi, có thể mất một lúc' },
    },
    pay: 'Trả {amount}',
    payNext: 'Rồi tự quay về {shop}',
    back: 'Về {shop}',
    backNothing: 'Về {shop}, không trừ tiền',
    saidNo: 'Ngân hàng đã từ chối',
    saidNoNext: 'Chưa trừ tiền. Hãy chọn thẻ khác, hàng vẫn được giữ.',
    tooManyTries: 'Thẻ bị từ chối quá nhiều lần',
    tooManyTriesNext: 'Chưa trừ tiền. Hãy về {shop} và bắt đầu lại.',
    thinking: 'Ngân hàng đang xem xét',
    soFar: 'Đã {n}.',
    cardTakes: 'Thẻ này cần {n}.',
    notTwice: 'Bạn không thể trả hai lần',
    oneNumber: 'Một mã, {number}, một lần trả',
    ifLate: 'Nếu trả lời đến sau {time}',
    ifLateNext: 'Là của bạn nếu còn hàng, nếu không tiền trả lại hết',
    mayClose: 'Bạn có thể đóng trang này',
    mayCloseNext: 'Không có bạn, tin vẫn đến {shop}',
    waiting: 'Đang chờ ngân hàng',
    secondTap: 'Bấm lần nữa không đổi gì',
    paid: 'Đã trả',
    paidNext: 'Tiền đã đến {shop}. Bạn không cần chờ ở đây.',
    goingBack: 'Đang đưa bạn về',
    expired: 'Đã hết giờ thanh toán',
    expiredNext: 'Không trừ tiền. Hàng được giữ đã về lại {shop}.',
    refunded: 'Đang hoàn lại cho bạn',
    onTheWay: 'đang chuyển',
    sent: 'đã về thẻ của bạn',
    noSession: 'Không có thanh toán ở đây',
    noSessionNext: 'Địa chỉ này không dẫn đến thanh toán nào. Hãy về cửa hàng và bắt đầu từ đơn hàng.',
    noAnswer: 'Quầy chưa trả lời. Không bị trừ hai lần; hãy bấm lại.',
  },
};

export function filled(text: string, values: Readonly<Record<string, string>>): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => values[name] ?? whole);
}
