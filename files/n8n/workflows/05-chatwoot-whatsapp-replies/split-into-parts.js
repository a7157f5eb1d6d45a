// One item for each call to Evolution API: a text, or a file, the first with the text as its caption.
// Anybody in the Docker network can post an event: what it says counts only as Chatwoot says it.
const { id } = $('From Chatwoot').first().json.body;
const { payload } = $('Message in Chatwoot').first().json;
const { meta, messages, last_non_activity_message: latest } = $input.first().json;
const message = payload.find((one) => one.id === id);
const waits = message && message.message_type === 1 && message.status === 'sent'
  && !message.private && !message.source_id && message.inbox_id === @@INBOX_ID@@;
if (!waits) return [];

const { content, attachments = [] } = message;
const person = meta?.sender ?? {};
const place = (latest ?? messages?.[0])?.conversation?.contact_inbox?.source_id;
const jid = [place, person.identifier]
  .find((address) => /^[0-9]+@(s\.whatsapp\.net|lid)$/.test(address ?? ''));
const number = jid ?? String(person.phone_number ?? '').replace(/[^0-9]/g, '');
// Nobody has a number with a zero in front: it is borgstack verify asking.
const instance = '@@INSTANCE@@' + (number.startsWith('0') ? '-verify' : '');
const problem = (why) => [{ json: { problem: why } }];
if (!number) return problem('The contact has no WhatsApp number.');

const files = attachments.filter((one) => one.data_url);
const parts = [];
// A voice message cannot carry words.
const captioned = files.length > 0 && files[0].file_type !== 'audio';
if (content && !captioned) parts.push({ call: 'sendText', body: { number, text: content, linkPreview: false, delay: 0 } });
for (const [index, one] of files.entries()) {
  // The public name may not resolve here, and a redirect would lead back to it: Chatwoot hands the file out itself.
  const url = one.data_url.replace(/^https?:\/\/[^/]+/, 'http://chatwoot:3000').replace('/blobs/redirect/', '/blobs/proxy/');
  const fileName = decodeURIComponent(url.split('?')[0].split('/').pop());
  const mediatype = ['image', 'video'].includes(one.file_type) ? one.file_type : 'document';
  const caption = index === 0 && content ? content : undefined;
  parts.push(one.file_type === 'audio'
    ? { call: 'sendWhatsAppAudio', url, body: { number, delay: 0 } }
    : { call: 'sendMedia', url, body: { number, mediatype, fileName, caption, delay: 0 } });
}
if (parts.length === 0) return problem('There is nothing in it that WhatsApp can carry.');
return parts.map((part) => ({ json: { instance, ...part } }));
