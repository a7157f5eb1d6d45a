// One item for each call to Evolution API: a text, or a file, the first with the text as its caption.
const message = $('Words for WhatsApp').first().json;
const { uuid, meta, messages, last_non_activity_message: latest } = $input.first().json;
const problem = (why) => [{ json: { problem: why } }];
// The inbox that carried WhatsApp before keeps its webhook, so that its agents learn what has changed.
if (message.inbox_id !== @@INBOX_ID@@) return problem('This inbox is no longer the one of WhatsApp: nothing was sent. Write in the other one.');

const person = meta?.sender ?? {};
const place = (latest ?? messages?.[0])?.conversation?.contact_inbox?.source_id;
const known = (server) => [place, person.identifier].find((one) => new RegExp(`^[0-9]+@${server}$`).test(one ?? ''));
// Of somebody who hides the number, one that an agent has written down is the better address.
const number = known('s\\.whatsapp\\.net') ?? (String(person.phone_number ?? '').replace(/[^0-9]/g, '') || known('lid'));
if (!number) return problem('The contact has no WhatsApp number.');
// Nobody has a number with a zero in front: it is borgstack verify asking.
const instance = '@@INSTANCE@@' + (number.startsWith('0') ? '-verify' : '');

const files = (message.attachments ?? []).filter((one) => ['image', 'audio', 'video', 'file'].includes(one.file_type) && one.data_url);
// The public name may not resolve here, and a redirect would lead back to it: Chatwoot hands the file out itself.
const address = (one) => one.data_url.replace(/^https?:\/\/[^/]+/, 'http://chatwoot:3000').replace('/blobs/redirect/', '/blobs/proxy/');
const nameOf = (one) => decodeURIComponent(address(one).split('?')[0].split('/').pop());
// Evolution holds a file four times while it sends it; with more than this it is killed for want of memory.
const LIMIT = 24;
const megabytes = (one) => one.file_size / 2 ** 20;
const large = files.find((one) => megabytes(one) > LIMIT);
if (large) return problem(`Nothing was sent: ${nameOf(large).slice(0, 120)} has ${megabytes(large).toFixed(1)} MB, and ${LIMIT} MB is the most that goes to WhatsApp.`);

// A survey's address is no part of its words.
const survey = message.content_type === 'input_csat' ? `@@CHATWOOT_URL@@/survey/responses/${uuid}` : '';
const text = [message.content, survey].filter(Boolean).join(' ');
const { in_reply_to, in_reply_to_external_id: external } = message.content_attributes ?? {};
const about = $('Message in Chatwoot').first().json.payload.find((one) => one.id === in_reply_to);
// Evolution finds what it quotes by the id; should it have forgotten, words are quoted as they stand here.
const words = about && !about.attachments?.length && about.content?.replace(/^(> .*\n)+\n/, '');
const key = { id: external?.replace(/^WAID:/, ''), remoteJid: number, fromMe: false };
const quoted = !external?.startsWith('WAID:') ? undefined
  : words && number.includes('@') ? { key, message: { conversation: words } } : { key: { id: key.id } };

const parts = [];
// A voice message cannot carry words.
const captioned = files.length > 0 && files[0].file_type !== 'audio';
if (text && !captioned) parts.push({ call: 'sendText', body: { number, text, linkPreview: false, delay: 0 } });
for (const [index, one] of files.entries()) {
  const mediatype = ['image', 'video'].includes(one.file_type) ? one.file_type : 'document';
  const caption = index === 0 && captioned ? text : '';
  parts.push(one.file_type === 'audio'
    ? { call: 'sendWhatsAppAudio', url: address(one), body: { number } }
    : { call: 'sendMedia', url: address(one), body: { number, mediatype, fileName: nameOf(one), caption } });
}
if (parts.length === 0) return problem('There is nothing in it that WhatsApp can carry.');
parts[0].body.quoted = quoted;
return parts.map((part) => ({ json: { instance, ...part } }));
