// The file as Evolution sent it along, or as it answered; without one, words that say so.
@@phrases.js@@
const { file, text } = $('Read message').first().json;
const base64 = [$('From WhatsApp').first().json.body.data.message.base64, $input.first().json.base64]
  .find((one) => one && typeof one === 'string');
if (!base64) {
  const lack = say('lost', say(file.kind));
  return [{ json: { content: text ? `${text}\n${lack}` : lack } }];
}
const mimeType = file.mimeType ?? $input.first().json.mimetype ?? 'application/octet-stream';
return [{ json: {}, binary: { file: { data: base64.replace(/^data:[^,]*,/, ''), mimeType, fileName: file.name } } }];
