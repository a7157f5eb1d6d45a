'use strict';
// WhatsApp's side of the double: what reached it, which numbers it does not know, when it refuses.

const crypto = require('crypto');
const path = require('path');
const database = require('./database');
const { isBase64, isURL } = require('./checks');
const { Refusal } = require('./http');

const TYPES = {
  jpg: 'image/jpeg', jpeg: 'image/jpeg', png: 'image/png', webp: 'image/webp', pdf: 'application/pdf',
  mp4: 'video/mp4', mp3: 'audio/mpeg', ogg: 'audio/ogg', txt: 'text/plain',
};
const OTHERWISE = { image: 'image/png', video: 'video/mp4', audio: 'audio/mpeg', document: 'application/octet-stream' };

const reached = [];
const absent = new Set();
const failures = new Map();

/** Groups and broadcasts are not asked for; `@lid` is unknown to this version. */
function exists(jid) {
  if (jid.endsWith('@g.us') || jid.endsWith('@broadcast')) return true;
  return jid.endsWith('@s.whatsapp.net') && !absent.has(jid.split('@')[0]);
}

function nextFailure(instance) {
  const failure = failures.get(instance);
  if (!failure || failure.times < 1) return null;
  failure.times -= 1;
  return failure;
}

function record(instance, message, media) {
  const entry = { instance, id: message.key.id, to: message.key.remoteJid, type: message.messageType };
  Object.assign(entry, { text: message.message.conversation, at: new Date().toISOString() });
  const quoted = message.contextInfo;
  if (quoted) entry.quoted = { id: quoted.stanzaId, participant: quoted.participant, message: quoted.quotedMessage };
  if (media) {
    const { bytes, ...told } = media;
    const sha256 = crypto.createHash('sha256').update(bytes).digest('hex');
    entry.media = { sha256, size: bytes.length, ...told };
  }
  reached.push(entry);
}

/** Returns a file's content, given as a public URL or as bare base64. */
async function bytesOf(given) {
  if (isBase64(given)) return Buffer.from(given, 'base64');
  if (!isURL(given)) throw new Refusal(400, 'Owned media must be a url or base64');
  try {
    const answer = await fetch(given);
    if (answer.ok) return Buffer.from(await answer.arrayBuffer());
    throw new Error(`Request failed with status code ${answer.status}`);
  } catch (error) {
    throw new Refusal(400, error.cause ? error.cause.message : error.message);
  }
}

const mimetypeOf = (mediatype, fileName) => TYPES[path.extname(fileName || '').slice(1).toLowerCase()] || OTHERWISE[mediatype];

const keepMedia = (id, base64) =>
  database.row('INSERT INTO double_media VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET base64 = EXCLUDED.base64', id, base64);

async function media(id) {
  const found = await database.row('SELECT base64 FROM double_media WHERE id = $1', id);
  return found && found.base64;
}

module.exports = { reached, absent, failures, exists, nextFailure, record, bytesOf, mimetypeOf, keepMedia, media };
