// Events that change what was written before: an edit, a deletion, a reaction.
// A deletion comes as the key of what is gone. An edit on its own names the chat as its author sees it: so it is the
// chat of the original, as Evolution API has kept it.
function opened({ event, data: given }, looked) {
  const data = given ?? {};
  if (event === 'messages.delete') return { key: data.key ?? data };
  if (event !== 'messages.edited') return { ...data, key: data.key ?? {} };
  const original = looked.messages?.records?.[0]?.key;
  return { key: original ?? {}, message: { protocolMessage: data } };
}
const escaped = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
// Null, or which message is changed and by what: new words (`message`), or a line that says what happened (`says`).
function changed({ protocolMessage: protocol, reactionMessage: reaction, secretEncryptedMessage: secret }, key, event) {
  const line = (phrase, ...values) => (name) => (key.fromMe
    ? say(`${phrase}Own`, ...values) : say(phrase, escaped(name), ...values));
  const deleted = (target) => ({ target, sourceId: `WAID:${target}:deleted`, says: line('deleted') });
  if (event === 'messages.delete') return deleted(key.id);
  if (reaction) {
    const text = plain(reaction.text);
    return { target: reaction.key?.id, sourceId: `WAID:${key.id}`, says: text ? line('reacted', escaped(text)) : line('unreacted') };
  }
  if (secret) return { target: secret.targetMessageKey?.id, sourceId: `WAID:${key.id}`, message: {}, unread: true };
  const target = protocol?.key?.id;
  if (target && protocol.editedMessage) {
    const when = integer(protocol.timestampMs) || key.id;
    return { target, sourceId: `WAID:${target}:edited:${when}`, message: unwrap(protocol.editedMessage) };
  }
  return target && ['REVOKE', 0].includes(protocol.type) ? deleted(target) : null;
}
// Chatwoot takes what goes out for Liquid, where {{ … }} is a name; between backticks it is let be already.
const withoutLiquid = (text) => text.split(/(`[^]*?`)/)
  .map((part, index) => (index % 2 ? part : part.replace(/\{[{%]/g, '{% raw %}$&{% endraw %}'))).join('');
