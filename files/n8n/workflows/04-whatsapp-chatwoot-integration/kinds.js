// The words of each kind of message, as WhatsApp writes them; undefined when there are none that we know.
const bullets = (list = [], text) => list.map(text).filter(Boolean).map((one) => `- ${one}`).join('\n');
const dashed = (...parts) => parts.filter(Boolean).join(' – ');
function price(thousandths, currency) {
  if (thousandths == null || !currency) return '';
  const home = { BRL: 'pt-BR' }[currency] ?? '@@LOCALE@@'.replace('_', '-');
  const money = new Intl.NumberFormat(home, { style: 'currency', currency });
  return money.format(integer(thousandths) / 1000).replace(/[\u00a0\u202f]/g, ' ');
}
const amount = ({ value, offset, currencyCode } = {}) => value && price(integer(value) * 1000 / (offset || 1), currencyCode);
const parsed = (text) => { try { return JSON.parse(text) ?? {}; } catch { return {}; } };
const date = (seconds) => integer(seconds) && new Date(integer(seconds) * 1000).toISOString().replace(/:00\.000Z|\.000Z/, ' UTC').replace('T', ' ');

function place({ degreesLatitude, degreesLongitude, name, address, caption, comment }) {
  const map = degreesLatitude != null && `https://www.google.com/maps?q=${degreesLatitude},${degreesLongitude}`;
  return lines(name, address, caption ?? comment, map);
}
function card({ displayName, vcard = '' }) {
  const name = displayName || vcard.match(/^FN[^:\n]*:(.*)$/m)?.[1].trim();
  return lines(name, ...[...vcard.matchAll(/^(?:item[0-9]+\.)?TEL[^:\n]*:(.*)$/gim)].map((found) => found[1].trim()));
}
const button = ({ buttonText, quickReplyButton, urlButton, callButton, buttonParamsJson }) => {
  const given = parsed(buttonParamsJson);
  const url = urlButton?.url ?? given.url ?? callButton?.phoneNumber ?? given.phone_number;
  const name = buttonText?.displayText ?? (quickReplyButton ?? urlButton ?? callButton)?.displayText ?? given.display_text;
  return [name, url].filter(Boolean).join(': ');
};
const hydrated = (one) => lines(
  one.hydratedTitleText, one.hydratedContentText, one.hydratedFooterText, bullets(one.hydratedButtons, button));
const interactive = ({ header = {}, body = {}, footer = {}, nativeFlowMessage, carouselMessage }) => lines(
  header.title, header.subtitle, body.text, footer.text, bullets(nativeFlowMessage?.buttons, button),
  carouselMessage?.cards?.map(interactive).join('\n\n'));
const answers = ({ body, nativeFlowResponseMessage: flow }) => lines(body?.text, ...Object.entries(parsed(flow?.paramsJson))
  .filter(([name, value]) => !/(^|_)(id|token|version)$/.test(name) && ['string', 'number'].includes(typeof value))
  .map(([name, value]) => `${name}: ${value}`));
const poll = ({ name, options }) => lines(`📊 ${name}`, bullets(options, (one) => one.optionName));
function vote({ vote: cast, pollUpdates }) {
  const names = cast?.selectedOptions ?? pollUpdates?.filter((one) => one.voters?.length).map((one) => one.name);
  const known = names?.filter((one) => typeof one === 'string');
  return known?.length ? say('voted', known.join(', ')) : say('votedUnread');
}
const happening = ({ name, description, location, startTime, endTime, joinLink, isCanceled }) => lines(
  isCanceled && say('canceled'), `📅 ${name}`, [date(startTime), date(endTime)].filter(Boolean).join(' – '),
  location && place(location), description, joinLink);
const product = ({ product: { title, description, url, ...one } = {}, body, footer }) => lines(
  dashed([title, price(one.priceAmount1000, one.currencyCode)].filter(Boolean).join(', '), body), description, footer, url);
const order = ({ message, orderTitle, itemCount, totalAmount1000, totalCurrencyCode }) => lines(
  message, [orderTitle, itemCount && say('items', itemCount), price(totalAmount1000, totalCurrencyCode)].filter(Boolean).join(', '));
const list = ({ title, description, footerText, sections }) => lines(title, description, footerText,
  ...(sections ?? []).map((one) => lines(one.title, bullets(one.rows, (row) => dashed(row.title, row.description)))));
