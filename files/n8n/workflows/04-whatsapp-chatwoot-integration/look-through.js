// One page of the conversation: whether the message is there already, and which one it answers.
@@letters.js@@
const PAGES = 5;
const { sourceId, target, sentAt } = $('Read message').first().json;
const page = $input.first().json.payload;
const before = $('Older page').isExecuted ? $('Older page').first().json : {};
const newestFirst = [...page].reverse();
const answered = target && (newestFirst.find((one) => one.source_id === target.sourceId)
  // What agents write has no id of WhatsApp's in Chatwoot; it is known by its words.
  ?? newestFirst.find((one) => target.words && !one.private && [1, 3].includes(one.message_type) && letters(one.content) === target.words));
const inReplyTo = answered?.id ?? before.inReplyTo ?? null;
const pages = (before.pages ?? 0) + 1;
const mayBeOlder = page.every((one) => one.created_at > sentAt - 300) || (target && !inReplyTo && pages < PAGES);
return [{ json: {
  duplicate: page.some((one) => one.source_id === sourceId),
  before: page.length > 0 && mayBeOlder ? Math.min(...page.map((one) => one.id)) : null,
  inReplyTo, pages,
} }];
