// The message that an event speaks of, as Chatwoot has it, while it is still to be sent; else this ends here.
// Anybody in the Docker network can post an event: what it says counts only as Chatwoot says it.
// Chatwoot tells of every change, and "retry", which agents have for a day, is nothing but one of them.
const { id } = $('From Chatwoot').first().json.body;
const message = $input.first().json.payload.find((one) => one.id === id);
const OUTGOING = 1;
const TEMPLATE = 3; // greeting, out of office, survey
const yesterday = Date.now() / 1000 - 25 * 3600;
const waits = message && [OUTGOING, TEMPLATE].includes(message.message_type) && message.status === 'sent'
  && !message.private && !message.source_id && !message.content_attributes?.deleted && !(message.created_at < yesterday);
return waits ? [{ json: message }] : [];
