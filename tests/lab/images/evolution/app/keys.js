'use strict';
// The Signal keys of a paired instance: a Redis hash that never expires, or files in the volume.
// An error of Redis is logged and no more, as in the original: the loss shows at the next start.

const fs = require('fs');
const path = require('path');
const { createClient } = require('redis');
const { flag, text } = require('./settings');

const directory = path.join(__dirname, '..', 'instances');
const file = (id) => path.join(directory, id, 'pre-key-1.json');
const hash = (id) => `${text('CACHE_REDIS_PREFIX_KEY')}:instance:${id}`;
let client = null;

/** Connects in the background: the server listens without Redis too. */
async function connect() {
  if (!flag('CACHE_REDIS_ENABLED')) return;
  const socket = { reconnectStrategy: (tries) => Math.min(tries * 200, 2000) };
  client = createClient({ url: text('CACHE_REDIS_URI'), socket, disableOfflineQueue: true });
  let said = '';
  client.on('error', (error) => {
    const seen = error.code || error.message; // no message where a name has two addresses
    if (seen !== said) console.log('redis disconnected:', seen);
    said = seen;
  });
  const answered = new Promise((resolve) => client.once('ready', resolve).once('error', resolve));
  client.connect().catch((error) => console.error('redis:', error.message));
  await answered;
}

async function attempt(action) {
  try {
    return await action();
  } catch (error) {
    console.error('cache:', error.message);
    return null;
  }
}

async function save(id) {
  if (client) return attempt(() => client.hSet(hash(id), 'pre-key-1', JSON.stringify({ private: id })));
  fs.mkdirSync(path.dirname(file(id)), { recursive: true });
  return fs.writeFileSync(file(id), '{}');
}

async function present(id) {
  if (client) return Boolean(await attempt(() => client.hGet(hash(id), 'pre-key-1')));
  return fs.existsSync(file(id));
}

/** Trap (facts 6): those in Redis stay, whatever becomes of their instance. */
function remove(id) {
  fs.rmSync(path.join(directory, id), { recursive: true, force: true });
}

/** Trap (facts 6): while Redis is away what is to be sent or told waits, and is done when it is back. */
async function reachable() {
  while (client && !client.isReady) await new Promise((go) => setTimeout(go, 100));
}

module.exports = { connect, save, present, remove, reachable };
