'use strict';
// The environment, and what the baked-in .env says for each variable that is not in it.

const fs = require('fs');
const path = require('path');

const values = {};
for (const line of fs.readFileSync(path.join(__dirname, '..', '.env'), 'utf8').split('\n')) {
  const found = /^([A-Z_]+)=(.*)$/.exec(line);
  if (found) values[found[1]] = found[2];
}
Object.assign(values, process.env);

const text = (name) => values[name] || '';
const flag = (name) => text(name) === 'true';
const number = (name, otherwise) => (values[name] ? Number(values[name]) : otherwise);

const EXAMPLE_PHONE_VERSION = '2.3000.1015901307';

module.exports = {
  text,
  flag,
  number,
  VERSION: '2.2.3',
  // WhatsApp no longer talks to the version that the example names: no QR code ever comes.
  staleVersion: () => text('CONFIG_SESSION_PHONE_VERSION') === EXAMPLE_PHONE_VERSION,
  loadSeconds: () => number('DOUBLE_LOAD_SECONDS', 0.4),
  createSeconds: () => number('DOUBLE_CREATE_SECONDS', 5),
  connectSeconds: () => number('DOUBLE_CONNECT_SECONDS', 2),
  qrSeconds: () => number('DOUBLE_QR_SECONDS', 20),
  retryTries: () => number('DOUBLE_RETRY_TRIES', 10),
  retrySeconds: () => number('DOUBLE_RETRY_SECONDS', 30),
};
