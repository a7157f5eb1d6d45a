'use strict';
// Messages in both directions: what WhatsApp hands in becomes an event, what is sent goes to WhatsApp.

const crypto = require('crypto');
const database = require('./database');
const settings = require('./settings');
const whatsapp = require('./whatsapp');
const { Refusal } = require('./http');
const { isBase64, isURL, jidOf } = require('./checks');
const { sleep } = require('./instance');
const keys = require('./keys');

const MEDIA = ['imageMessage', 'documentMessage', 'audioMessage', 'videoMessage', 'stickerMessage', 'ptvMessage'];
const TAKEN_OFF = ['ephemeralMessage', 'documentWithCaptionMessage', 'viewOnceMessage', 'viewOnceMessageV2'];
const now = () => Math.round(Date.now() / 1000);
const kindOf = (message) => Object.keys(message).find((key) => key !== 'messageContextInfo' && key !== 'base64');

async function keep(record) {
  if (!settings.flag('DATABASE_SAVE_DATA_NEW_MESSAGE')) return;
  const { key, message, contextInfo } = record;
  const { base64, ...bare } = message;
  await database.row(
    `INSERT INTO "Message" (id, key, "pushName", "messageType", message, "contextInfo", source, "messageTimestamp", status, "instanceId")
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
    crypto.randomUUID(), key, record.pushName, record.messageType, bare, contextInfo || null, record.source,
    record.messageTimestamp, record.status || null, record.instanceId,
  );
}

/** The original's two rewritings: longer text and captioned documents lose their wrapping. */
function unwrapped(message) {
  const { extendedTextMessage, documentWithCaptionMessage, ...rest } = message;
  if (extendedTextMessage) return { conversation: extendedTextMessage.text, ...rest };
  if (documentWithCaptionMessage) return { ...documentWithCaptionMessage.message, ...rest };
  return message;
}

/** What the original drops before any event: empty, protocol, votes, newsletters, and by setting. */
async function dropped(instance, jid, kind) {
  if (!kind || kind === 'protocolMessage' || kind === 'pollUpdateMessage' || jid.endsWith('@newsletter')) return true;
  const kept = (await database.row('SELECT * FROM "Setting" WHERE "instanceId" = $1', instance.id)) || {};
  if (jid.endsWith('@broadcast')) return !(jid === 'status@broadcast' && kept.readStatus);
  return Boolean(kept.groupsIgnore && jid.endsWith('@g.us'));
}

const stored = (instance, id) =>
  database.row(`SELECT * FROM "Message" WHERE "instanceId" = $1 AND key->>'id' = $2`, instance.id, id);

/** A message arrives from WhatsApp; returns whether it became an event. */
async function receive(instance, data) {
  const { base64, ...given } = data.message || {};
  const change = given.protocolMessage || given.editedMessage?.message?.protocolMessage;
  if (change?.editedMessage) instance.emit('messages.edited', change);
  if (change?.type === 'REVOKE' && (await stored(instance, change.key.id))) {
    instance.emit('messages.delete', { ...data.key, id: change.key.id });
  }
  if (given.protocolMessage) return Boolean(change.editedMessage || change.type === 'REVOKE');
  const kind = kindOf(given);
  await keys.reachable();
  if (await dropped(instance, data.key.remoteJid, kind)) return false;
  const message = unwrapped(given);
  const messageType = kindOf(message);
  const key = { fromMe: false, id: crypto.randomBytes(10).toString('hex').toUpperCase(), ...data.key };
  if (base64) await whatsapp.keepMedia(key.id, base64);
  const record = {
    key,
    pushName: data.pushName,
    status: 'DELIVERY_ACK',
    message,
    contextInfo: given.extendedTextMessage?.contextInfo || message[messageType]?.contextInfo || null,
    messageType,
    messageTimestamp: data.messageTimestamp || now(),
    instanceId: instance.id,
    source: data.source || 'android',
  };
  try {
    await keep(record);
  } catch (error) {
    console.error(error.message); // WhatsApp has its receipt: it is lost (facts 6)
    return false;
  }
  const inline = base64 && instance.base64 && MEDIA.includes(messageType);
  instance.emit('messages.upsert', inline ? { ...record, message: { ...message, base64 } } : record);
  return true;
}

/** A message of the channel without WhatsApp: as it came, the time of its arrival. */
async function receivePlain(instance, data) {
  const key = { id: data.key.id || crypto.randomUUID(), remoteJid: data.key.remoteJid, fromMe: data.key.fromMe };
  const { pushName, message, messageType } = data;
  const record = { key, pushName, message, messageType, messageTimestamp: now(), source: 'unknown', instanceId: instance.id };
  instance.emit('messages.upsert', record);
  await keep(record);
}

function requireNumber(body, ...others) {
  for (const name of ['number', ...others]) {
    if (body[name] === undefined) throw new Refusal(400, [`instance requires property "${name}"`]);
  }
  if (typeof body.number !== 'string' || !/^\d+[.@\w-]+/.test(body.number.replace(/^\+/, ''))) {
    throw new Refusal(400, ['Invalid number']);
  }
  for (const [name, right] of [['delay', Number.isInteger], ['quoted', isQuote]]) {
    if (body[name] !== undefined && !right(body[name])) throw new Refusal(400, [`${name} is not of the right type`]);
  }
}

const isQuote = ({ key, message }) =>
  typeof key?.id === 'string' && [undefined, true, false].includes(key.fromMe) && ['undefined', 'object'].includes(typeof message);

/** What is quoted: given whole, or known by its id; what is not known is not quoted, and nobody is told. */
async function contextOf(instance, { quoted }) {
  if (!quoted) return null;
  const found = quoted.message
    ? quoted
    : await database.row(`SELECT key, message FROM "Message" WHERE "instanceId" = $1 AND key->>'id' = $2`, instance.id, quoted.key.id);
  if (!found) return null;
  const participant = found.key.fromMe ? instance.owner : found.key.remoteJid || '';
  return { stanzaId: found.key.id, participant, quotedMessage: found.message };
}

async function send(instance, body, messageType, message, media = null) {
  if (instance.isWhatsApp) return sendToWhatsApp(instance, body, messageType, message, media);
  const key = { fromMe: true, id: crypto.randomUUID(), remoteJid: body.number };
  return sent(instance, { key, message, messageType, source: 'unknown' }, media);
}

async function sendToWhatsApp(instance, body, messageType, message, media) {
  await keys.reachable();
  const jid = jidOf(body.number);
  if (instance.state !== 'open') throw new Error('Connection Closed');
  if (!whatsapp.exists(jid)) throw new Refusal(400, { jid, exists: false, number: body.number });
  if (body.delay) await sleep(Number(body.delay) / 1000);
  const failure = whatsapp.nextFailure(instance.name);
  if (failure && !failure.sent) throw new Refusal(failure.status, 'the double was told to fail');
  const id = `3EB0${crypto.randomBytes(8).toString('hex').toUpperCase()}`;
  const contextInfo = await contextOf(instance, body);
  const record = { key: { remoteJid: jid, fromMe: true, id }, pushName: 'Você', status: 'PENDING', message, messageType, contextInfo };
  const answer = await sent(instance, { ...record, source: 'unknown' }, media);
  if (failure) throw new Refusal(failure.status, 'the double was told to fail after sending');
  return answer;
}

async function sent(instance, given, media) {
  const record = { contextInfo: null, ...given, messageTimestamp: now(), instanceId: instance.id };
  whatsapp.record(instance.name, record, media);
  instance.emit('send.message', record);
  await keep(record);
  return record;
}

function sendText(instance, body) {
  requireNumber(body, 'text');
  if (instance.isWhatsApp && (typeof body.text !== 'string' || !body.text.trim())) throw new Refusal(400, 'Text is required');
  return send(instance, body, 'conversation', { conversation: body.text });
}

async function sendMedia(instance, body, file) {
  requireNumber(body, 'mediatype');
  const { mediatype, media, caption } = body;
  if (!['image', 'document', 'video', 'audio'].includes(mediatype)) {
    throw new Refusal(400, ['instance.mediatype is not one of enum values: image,document,video,audio']);
  }
  if (isBase64(media) && !body.fileName && mediatype === 'document') {
    throw new Refusal(400, 'For base64 the file name must be informed.');
  }
  const bytes = file ? file.buffer : await whatsapp.bytesOf(media);
  const fileName = body.fileName || (isURL(media) ? decodeURIComponent(new URL(media).pathname.split('/').pop()) : undefined);
  const mimetype = body.mimetype || whatsapp.mimetypeOf(mediatype, fileName);
  const type = `${mediatype}Message`;
  // Trap (facts 6): the channel without WhatsApp tells nothing of the file.
  const told = { caption, mimetype, fileName, fileLength: String(bytes.length), ptt: mediatype === 'audio' ? false : undefined };
  const message = instance.isWhatsApp ? { [type]: told } : {};
  return send(instance, body, type, message, { bytes, mimetype, fileName, caption });
}

/** Trap: a voice message quotes nothing, whatever is asked for. */
async function sendAudio(instance, { quoted, ...body }, file) {
  requireNumber({ ...body, quoted });
  if (!instance.isWhatsApp) throw new Error('this.audioWhatsapp is not a function'); // facts 6: 500
  const bytes = file ? file.buffer : await whatsapp.bytesOf(body.audio);
  const mimetype = 'audio/ogg; codecs=opus';
  const message = { audioMessage: { mimetype, ptt: true, fileLength: String(bytes.length) } };
  return send(instance, body, 'audioMessage', message, { bytes, mimetype, ptt: true });
}

async function find(instance, body) {
  const where = body.where || {};
  const filter = {};
  for (const name of ['id', 'fromMe', 'remoteJid']) {
    if (where.key?.[name]) filter[name] = where.key[name];
  }
  const size = Number(body.offset) || 50;
  const currentPage = Number(body.page) || 1;
  const matching = `FROM "Message" WHERE "instanceId" = $1 AND key @> $2 AND ($3::text IS NULL OR "messageType" = $3)`;
  const values = [instance.id, filter, where.messageType || null];
  const { total } = await database.row(`SELECT count(*)::int AS total ${matching}`, ...values);
  const records = await database.rows(
    `SELECT id, key, "pushName", "messageType", message, "messageTimestamp", "instanceId", source, "contextInfo", '[]'::json AS "MessageUpdate"
     ${matching} ORDER BY "messageTimestamp" DESC LIMIT $4 OFFSET $5`, ...values, size, size * (currentPage - 1),
  );
  return { messages: { total, pages: Math.ceil(total / size), currentPage, records } };
}

/** The bytes of a message that came with media, fetched by what the database holds, or by the message itself. */
async function media(instance, body) {
  const id = body.message?.key?.id;
  const found = body.message?.message ? body.message : await stored(instance, id);
  if (!found) throw new Refusal(400, 'Message not found');
  const message = TAKEN_OFF.reduce((one, name) => one[name]?.message || one, found.message);
  const mediaType = MEDIA.find((name) => message[name]);
  if (!mediaType) throw new Refusal(400, 'The message is not of the media type');
  const content = message[mediaType];
  const base64 = await whatsapp.media(id);
  if (!base64) throw new Refusal(400, 'Error: Failed to fetch stream');
  const extension = (content.mimetype || '').split('/')[1]?.split(';')[0];
  return {
    mediaType,
    fileName: content.fileName || `${id}.${extension}`,
    caption: content.caption,
    size: { fileLength: Buffer.from(base64, 'base64').length },
    mimetype: content.mimetype,
    base64,
    buffer: null,
  };
}

module.exports = { receive, receivePlain, sendText, sendMedia, sendAudio, find, media };
