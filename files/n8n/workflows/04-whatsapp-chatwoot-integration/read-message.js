// One event of Evolution API in, one item out: ignored by rule, or what Chatwoot is to be told.
@@phrases.js@@
@@unwrap.js@@
@@words.js@@
@@markdown.js@@
@@numbers.js@@
@@changes.js@@
@@file.js@@
@@letters.js@@
const NOT_SHOWN = ['protocolMessage', 'pinInChatMessage', 'keepInChatMessage', 'encReactionMessage'];
// Chatwoot takes no more than 150,000 characters.
const LONGEST = 149_000;
const shortened = (text, most) => (text.length > most ? `${whole(text.slice(0, most))}\n${say('cut')}` : text);
const event = $('From WhatsApp').first().json.body ?? {};
const { key, pushName, messageTimestamp, contextInfo, messageType, message: wrapped } = opened(event, $input.first().json);
const who = person(key);
const message = unwrap(wrapped);
const silent = Object.keys(message).filter((name) => name !== 'messageContextInfo');
const change = changed(message, key, event.event);
const why =
  !['messages.upsert', 'messages.edited', 'messages.delete'].includes(event.event) ? `event ${event.event}`
  : !who.jid || !key.id ? 'no sender or no id'
  : ['g.us', 'broadcast', 'newsletter'].includes(who.server) ? `not a person: ${who.server}`
  : who.jid === event.sender ? 'a note of the owner to himself'
  : change ? null
  : message.albumMessage ? 'album: its pictures come by themselves'
  : silent.some((name) => NOT_SHOWN.includes(name)) || silent.join() === 'senderKeyDistributionMessage' ? 'protocol message'
  : null;
if (why) return [{ json: { ignored: true, why } }];

const own = key.fromMe === true;
const name = own ? null : plain(pushName) || null;
const said = change?.message ?? (change ? {} : message);
const context = change ? null : Object.values(said).find((part) => part?.contextInfo)?.contextInfo ?? contextInfo;
const quoted = context?.quotedMessage && unwrap(context.quotedMessage);
const quotedKind = quoted && fileIn(quoted)?.name;
const quote = quoted && lines(quotedKind && `[${say(FILES[quotedKind][0])}]`, words(quoted));
const { file, lack } = change ? {} : fileOf(said, key, wrapped);
const text = change?.says
  ? change.says(name ?? say('customer'))
  : markdown(change?.unread ? say('editedUnread') : lines(change?.message && say('edited'), told(said, messageType), lack));
// Of the operator's former name, or of borgstack verify, which asks by a channel of its own.
const elsewhere = [undefined, '@@INSTANCE@@', '@@INSTANCE@@-verify'].includes(event.instance) || own || change?.says
  ? '' : `${say('elsewhere', event.instance)}\n`;
const quotation = quote ? `${shortened(markdown(quote), 4_000).replace(/^/gm, '> ')}\n\n` : '';
const target = change?.target ?? context?.stanzaId ?? message.pollUpdateMessage?.pollCreationMessageKey?.id;

return [{ json: {
  jid: who.jid, lid: who.lid, phones: who.phones, phone: who.phones[0] ?? null, id: key.id,
  name: whole((name ?? who.phones[0] ?? who.digits).slice(0, 255)), named: name !== null,
  sourceId: change?.sourceId ?? `WAID:${key.id}`,
  sentAt: integer(messageTimestamp) || Math.floor(Date.now() / 1000),
  type: change?.says ? 'activity' : own ? 'outgoing' : 'incoming',
  text: shortened(own && !change?.says ? withoutLiquid(quotation + text) : elsewhere + quotation + text, LONGEST),
  file,
  target: target ? { sourceId: `WAID:${target}`, words: letters(quoted && words(quoted)) } : null,
  filter: whoToLookFor(who),
} }];
