// One event of Evolution API in, one item out: ignored by rule, or what Chatwoot is to be told.
const event = $input.first().json.body ?? {};
const { key = {}, pushName, messageTimestamp, contextInfo, messageType, message: wrapped } = event.data ?? {};
const jid = String(key.remoteJid ?? '').replace(/:[0-9]+(?=@)/, '');
const [digits, server] = jid.split('@');

const WRAPPERS = ['ephemeralMessage', 'viewOnceMessage', 'viewOnceMessageV2', 'documentWithCaptionMessage'];
const FILES = {
  imageMessage: ['image', 'jpg'], videoMessage: ['video', 'mp4'], ptvMessage: ['video', 'mp4'],
  audioMessage: ['audio', 'ogg'], documentMessage: ['document', 'bin'], stickerMessage: ['sticker', 'webp'],
};
const unwrap = (one) => WRAPPERS.reduce((inner, name) => inner[name]?.message ?? inner, one ?? {});
const fileIn = (one) => Object.keys(FILES).find((name) => one[name]);
const lines = (...parts) => parts.filter(Boolean).join('\n');

function place({ degreesLatitude, degreesLongitude, name, address }) {
  return lines(name, address, `https://www.google.com/maps?q=${degreesLatitude},${degreesLongitude}`);
}
function card({ displayName, vcard = '' }) {
  const name = displayName || vcard.match(/^FN[^:\n]*:(.*)$/m)?.[1].trim();
  return lines(name, ...[...vcard.matchAll(/^(?:item[0-9]+\.)?TEL[^:\n]*:(.*)$/gim)].map((found) => found[1].trim()));
}
// The words of a message; undefined when there are none in it that we know.
function words(one) {
  const spot = one.locationMessage ?? one.liveLocationMessage;
  const cards = one.contactsArrayMessage?.contacts ?? (one.contactMessage && [one.contactMessage]);
  return one.conversation ?? one.extendedTextMessage?.text ?? one[fileIn(one)]?.caption
    ?? (spot && place(spot)) ?? cards?.map(card).join('\n\n');
}

const message = unwrap(wrapped);
const found = fileIn(message);
const why =
  event.event !== 'messages.upsert' ? `event ${event.event}`
  : !jid || !key.id ? 'no sender or no id'
  : key.fromMe ? 'own message'
  : ['g.us', 'broadcast', 'newsletter'].includes(server) ? `not a person: ${server}`
  : message.reactionMessage ? 'reaction'
  : message.protocolMessage ? 'protocol message'
  : null;
if (why) return [{ json: { ignored: true, why } }];

const context = Object.values(message).find((part) => part?.contextInfo)?.contextInfo ?? contextInfo;
const quoted = context?.quotedMessage && unwrap(context.quotedMessage);
const quote = quoted && lines(fileIn(quoted) && `[${FILES[fileIn(quoted)][0]}]`, words(quoted));
const said = words(message) ?? (found ? '' : `[A WhatsApp message that cannot be shown here: ${messageType}]`);
const [kind, extension] = FILES[found] ?? [];
const mimeType = message[found]?.mimetype?.split(';')[0];
const phone = server === 's.whatsapp.net' && /^[1-9][0-9]{6,14}$/.test(digits) ? `+${digits}` : null;
const equal = (attribute_key, value, query_operator) =>
  ({ attribute_key, filter_operator: 'equal_to', values: [value], query_operator });

return [{ json: {
  jid, phone, id: key.id, sourceId: `WAID:${key.id}`,
  name: (pushName || digits).slice(0, 255),
  sentAt: Number(messageTimestamp?.low ?? messageTimestamp) || 0,
  // PostgreSQL takes any character but NUL.
  text: ((quote ? quote.replace(/^/gm, '> ') + '\n\n' : '') + said).replaceAll('\u0000', ''),
  file: found ? { kind, mimeType, name: (message[found].fileName ?? `${kind}.${extension}`).replace(/["\\\r\n]/g, '_') } : null,
  // Chatwoot puts the plus before a phone number itself.
  filter: phone ? [equal('identifier', jid, 'OR'), equal('phone_number', digits, null)] : [equal('identifier', jid, null)],
} }];
