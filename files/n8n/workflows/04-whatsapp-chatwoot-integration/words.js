@@kinds.js@@
const WORDS = {
  extendedTextMessage: (one) => one.text,
  locationMessage: place, liveLocationMessage: place,
  contactMessage: card, contactsArrayMessage: (one) => one.contacts?.map(card).join('\n\n'),
  buttonsResponseMessage: (one) => one.selectedDisplayText || one.selectedButtonId,
  templateButtonReplyMessage: (one) => one.selectedDisplayText || one.selectedId,
  listResponseMessage: (one) => dashed(one.title, one.description),
  buttonsMessage: (one) => lines(one.text, one.contentText, one.footerText, bullets(one.buttons, button)),
  listMessage: list, interactiveMessage: interactive, interactiveResponseMessage: answers,
  templateMessage: (one) => hydrated(one.hydratedTemplate ?? one.hydratedFourRowTemplate ?? {})
    || interactive(one.interactiveMessageTemplate ?? {}),
  highlyStructuredMessage: (one) => hydrated(one.hydratedHsm?.hydratedTemplate ?? {}),
  orderMessage: order, productMessage: product,
  pollCreationMessage: poll, pollCreationMessageV2: poll, pollCreationMessageV3: poll, pollCreationMessageV5: poll,
  pollUpdateMessage: vote, eventMessage: happening, encEventResponseMessage: () => say('answered'),
  groupInviteMessage: (one) => lines(say('group', one.groupName ?? ''), one.caption),
  stickerPackMessage: (one) => lines(say('stickers', dashed(one.name, one.publisher)), one.caption),
  sendPaymentMessage: (one) => lines(say('paid', amount(one.amount) || '?'), words(unwrap(one.noteMessage))),
  requestPaymentMessage: (one) => lines(
    say('asked', amount(one.amount) || price(one.amount1000, one.currencyCodeIso4217) || '?'), words(unwrap(one.noteMessage))),
};
// What a kind that is not in the table says: every text in it that was written for a reader.
const READABLE = /^(title|subtitle|text|body|caption|description|name|note|message|conversation|footer|(content|footer|display)Text|optionName)$/;
function gathered(one, depth = 0) {
  return depth > 99 ? '' : lines(...Object.entries(one ?? {}).filter(([name]) => name !== 'contextInfo' && name !== 'messageContextInfo')
    .map(([name, value]) => (typeof value === 'string' ? READABLE.test(name) && value : typeof value === 'object' && gathered(value, depth + 1))));
}
function words(one) {
  const known = Object.keys(one).find((name) => Object.hasOwn(WORDS, name) && isObject(one[name]));
  if (!known) return plain(one.conversation ?? fileIn(one)?.part.caption);
  // What nobody has seen yet must not keep a message away.
  try { return plain(WORDS[known](one[known])) || undefined; } catch { return undefined; }
}
// With a line that says what it was, where it cannot be shown.
function told(one, kind) {
  const said = words(one);
  if (said !== undefined || fileIn(one)) return said ?? '';
  const name = Object.keys(one).find((each) => each !== 'messageContextInfo' && each !== 'base64') ?? kind;
  return lines(say('unknown', name), gathered(one));
}
