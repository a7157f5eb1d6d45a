// What has to be fetched of Evolution API, or why it is not: `file` or `lack`.
// In megabytes. A file is in n8n's memory several times over: of its 512 MB, two of 16 in a row take more than there
// is left, and one of 25 ends it each time that it comes again.
const LARGEST = 10;
// Those that Evolution API takes off itself, when it is asked by the id.
const EASY = ['ephemeralMessage', 'viewOnceMessage', 'viewOnceMessageV2', 'documentWithCaptionMessage'];
function fileOf(message, key, wrapped) {
  const found = fileIn(message);
  if (!found) return { file: null };
  const [kind, extension] = FILES[found.name];
  const { mimetype, fileName, fileLength } = found.part;
  const name = `${fileName ?? `${kind}.${extension}`}`.replace(/["\\\u0000-\u001f\u007f]/g, '_');
  const megabytes = integer(fileLength) / 2 ** 20;
  if (megabytes > LARGEST) return { file: null, lack: say('tooLarge', fileName ?? say(kind), Math.round(megabytes), LARGEST) };
  const asIs = message[found.name] === found.part && Object.keys(wrapped).some((one) => one === found.name || EASY.includes(one));
  const ask = asIs ? { key: { id: key.id } } : { key, message: { [found.name]: found.part } };
  return { file: { kind, mimeType: `${mimetype ?? ''}`.split(';')[0] || undefined, name, ask } };
}
