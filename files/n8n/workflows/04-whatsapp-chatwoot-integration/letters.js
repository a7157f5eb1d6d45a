// To find a quoted message that has no id of WhatsApp's in Chatwoot, since an agent wrote it there.
const letters = (text) => ((text ?? '').match(/[\p{L}\p{N}]+/gu) ?? []).join('');
