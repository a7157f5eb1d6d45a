// WhatsApp wraps messages in messages (disappearing, view once, of an album, edited, and what is to come).
const lines = (...parts) => parts.filter(Boolean).join('\n');
const isObject = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);
function unwrap(one) {
  for (let depth = 0; depth < 9; depth++) {
    const inner = Object.entries(one ?? {})
      .find(([name, value]) => /Message|Mention|Image/.test(name) && isObject(value?.message))?.[1].message;
    if (!inner) break;
    one = inner;
  }
  return one ?? {};
}
// What is no text is none. PostgreSQL takes no NUL and nothing takes half a character.
const HALF = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;
const whole = (text) => text.replaceAll('\u0000', '').replace(HALF, '\ufffd');
const plain = (value) => (['string', 'number'].includes(typeof value) ? whole(`${value}`) : undefined);
// Protobuf's numbers come as a number, as its digits, or in two halves.
const integer = (value) => (isObject(value) ? (value.high ?? 0) * 2 ** 32 + (value.low >>> 0) : Number(value)) || 0;

const FILES = {
  imageMessage: ['image', 'jpg'], videoMessage: ['video', 'mp4'], ptvMessage: ['video', 'mp4'],
  audioMessage: ['audio', 'ogg'], documentMessage: ['document', 'bin'], stickerMessage: ['sticker', 'webp'],
};
// Where pictures hang below what is said: a product, the head of a firm's message, its first card.
const holders = (one) => [
  one, one.productMessage?.product, one.buttonsMessage, one.interactiveMessage?.header,
  one.templateMessage?.hydratedTemplate, one.templateMessage?.hydratedFourRowTemplate,
  one.interactiveMessage?.carouselMessage?.cards?.[0]?.header,
].filter(isObject);
// The file of a message, as the one part that Evolution API fetches it by; null without one.
function fileIn(one) {
  for (const holder of holders(one)) {
    if (isObject(holder.productImage)) return { name: 'imageMessage', part: holder.productImage };
    const name = Object.keys(FILES).find((each) => isObject(holder[each]));
    if (name) return { name, part: holder[name] };
  }
  return null;
}
