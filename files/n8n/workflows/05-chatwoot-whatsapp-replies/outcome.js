// What the agent is shown: delivered, or failed and why, in the words of Evolution API.
const { problem, statusCode, body } = $input.first().json;
if (statusCode < 300) return [{ json: { status: 'delivered' } }];

const said = body?.response?.message ?? body?.message ?? body?.error;
const reasons = [said].flat().filter(Boolean)
  .map((one) => one.exists === false ? `${one.number ?? one.jid} is not on WhatsApp` : typeof one === 'string' ? one : JSON.stringify(one));
const silent = {
  'Evolution there?': 'Evolution API cannot be reached',
  'More to send?': 'WhatsApp gave no answer: it may or may not have been sent',
};
const external_error = problem
  ?? (statusCode ? `WhatsApp: ${reasons.join('; ') || 'no reason given'} (${statusCode})`
    : silent[$prevNode.name] ?? 'The file could not be read from Chatwoot');
return [{ json: { status: 'failed', external_error: external_error.slice(0, 250) } }];
