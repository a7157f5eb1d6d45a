// The downloaded file into the body of the call, as base64.
const part = $('Next part').first().json;
const { file } = $input.first().binary;
const base64 = (await this.helpers.getBinaryDataBuffer(0, 'file')).toString('base64');
const more = part.call === 'sendMedia' ? { media: base64, mimetype: file.mimeType } : { audio: base64 };
return [{ json: { ...part, body: { ...part.body, ...more } } }];
