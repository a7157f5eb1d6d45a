// What the agent is shown: delivered, or failed and why, in the words of Evolution API.
// A customer whom an agent wrote to first is known by a number alone. Where WhatsApp has them, which
// may be without the ninth digit, Evolution says; by that their answer finds the same contact.
const { problem, statusCode, body } = $input.first().json;
if (statusCode < 300) {
  const { identifier } = $('Conversation in Chatwoot').first().json.meta?.sender ?? {};
  const at = body?.key?.remoteJid;
  const address = !identifier && /^[0-9]+@(s\.whatsapp\.net|lid)$/.test(at ?? '') ? at : undefined;
  return [{ json: { mark: { status: 'delivered' }, address } }];
}

const said = body?.response?.message ?? body?.message ?? body?.error;
const reasons = [said].flat(Infinity).filter(Boolean)
  .map((one) => one.exists === false ? `${one.number ?? one.jid} is not on WhatsApp` : typeof one === 'string' ? one : JSON.stringify(one));
const silent = {
  'Evolution there?': 'Evolution API cannot be reached',
  'More to send?': 'WhatsApp gave no answer: it may or may not have been sent',
};
const external_error = problem
  ?? (statusCode ? `WhatsApp: ${reasons.join('; ') || 'no reason given'} (${statusCode})`
    : silent[$prevNode.name] ?? 'The file could not be read from Chatwoot');
// Half a character at the end would make Chatwoot refuse it, and the agent would be told nothing.
const told = external_error.slice(0, 250).replace(/[\ud800-\udbff]$/, '');
return [{ json: { mark: { status: 'failed', external_error: told } } }];
