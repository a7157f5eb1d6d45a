'use strict';
// Where events go: the instance's own webhook, then the global one. Nothing is awaited and nothing
// is kept: what is still being tried when the process ends is lost.

const http = require('http');
const https = require('https');
const crypto = require('crypto');
const database = require('./database');
const settings = require('./settings');
const { isURL } = require('./checks');
const { Refusal } = require('./http');

const EVENTS = [
  'APPLICATION_STARTUP', 'QRCODE_UPDATED', 'MESSAGES_SET', 'MESSAGES_UPSERT', 'MESSAGES_EDITED', 'MESSAGES_UPDATE',
  'MESSAGES_DELETE', 'SEND_MESSAGE', 'CONTACTS_SET', 'CONTACTS_UPSERT', 'CONTACTS_UPDATE', 'PRESENCE_UPDATE', 'CHATS_SET',
  'CHATS_UPSERT', 'CHATS_UPDATE', 'CHATS_DELETE', 'GROUPS_UPSERT', 'GROUP_UPDATE', 'GROUP_PARTICIPANTS_UPDATE',
  'CONNECTION_UPDATE', 'LABELS_EDIT', 'LABELS_ASSOCIATION', 'CALL', 'TYPEBOT_START', 'TYPEBOT_CHANGE_STATUS',
  'REMOVE_INSTANCE', 'LOGOUT_INSTANCE',
];
const deliveries = [];
const of = (instanceId) => database.row('SELECT * FROM "Webhook" WHERE "instanceId" = $1', instanceId);

async function set(instanceId, given) {
  if (!isURL(given.url, { bare: true })) throw new Refusal(400, 'Invalid "url" property');
  let events = given.events;
  if (!given.enabled) events = [];
  else if (events.length === 0) events = EVENTS; // without `events`: the TypeError of the original
  return database.upsert('Webhook', 'instanceId', {
    id: crypto.randomUUID(),
    instanceId,
    url: given.url,
    headers: given.headers || null,
    enabled: given.enabled,
    events,
    webhookByEvents: given.byEvents === true,
    webhookBase64: given.base64 === true,
  });
}

/** The container's local time, dressed as UTC. */
function localTime() {
  const now = new Date();
  return new Date(now.getTime() - now.getTimezoneOffset() * 60000).toISOString();
}

function emit(instance, event, data) {
  const body = {
    event,
    instance: instance.name,
    data,
    date_time: localTime(),
    sender: instance.owner || undefined,
    server_url: settings.text('SERVER_URL'),
    apikey: settings.flag('AUTHENTICATION_EXPOSE_IN_FETCH_INSTANCES') ? instance.token : null,
  };
  send(instance, event, body).catch((error) => console.error('webhook:', error.message));
}

async function send(instance, event, body) {
  const name = event.replace(/[.-]/g, '_').toUpperCase();
  const suffix = `/${name.replace(/_/g, '-').toLowerCase()}`;
  const own = await of(instance.id);
  if (own && own.enabled && own.events.includes(name) && EVENTS.includes(name)) {
    const url = own.webhookByEvents ? own.url + suffix : own.url;
    deliver('instance', url, { ...body, destination: own.url }, own.headers || {});
  }
  const global = settings.text('WEBHOOK_GLOBAL_URL');
  if (settings.flag('WEBHOOK_GLOBAL_ENABLED') && settings.flag(`WEBHOOK_EVENTS_${name}`)) {
    const url = settings.flag('WEBHOOK_GLOBAL_WEBHOOK_BY_EVENTS') ? global + suffix : global;
    // A host without a dot is refused here, and nobody is told.
    if (isURL(url)) deliver('global', url, { ...body, destination: global }, {});
  }
}

async function deliver(kind, url, body, headers) {
  const record = { id: crypto.randomUUID(), kind, instance: body.instance, event: body.event, url };
  Object.assign(record, { key: body.data.key?.id, headers: Object.keys(headers), done: false, dropped: false, tries: [] });
  deliveries.push(record);
  const raw = JSON.stringify(body);
  while (record.tries.length < settings.retryTries()) {
    if (record.tries.length) await new Promise((resolve) => setTimeout(resolve, settings.retrySeconds() * 1000));
    const result = await attempt(url, raw, headers);
    record.tries.push({ at: new Date().toISOString(), ...result });
    record.done = result.status >= 200 && result.status < 300;
    if (record.done) return;
  }
  record.dropped = true;
  console.error(`webhook: ${body.event} dropped after ${record.tries.length} tries`);
}

/** One POST, without a time limit. */
function attempt(url, raw, headers) {
  return new Promise((resolve) => {
    const failed = (error) => resolve({ status: 0, error: error.code || error.message });
    try {
      const target = new URL(/^https?:/.test(url) ? url : `http://${url}`);
      const own = { 'Content-Type': 'application/json', 'User-Agent': 'axios/1.7.9', 'Content-Length': Buffer.byteLength(raw) };
      const client = target.protocol === 'https:' ? https : http;
      const request = client.request(target, { method: 'POST', headers: { ...own, ...headers } }, (response) => {
        response.resume();
        response.on('end', () => resolve({ status: response.statusCode }));
        response.on('error', failed);
      });
      request.on('error', failed);
      request.end(raw);
    } catch (error) {
      failed(error);
    }
  });
}

module.exports = { EVENTS, deliveries, of, set, emit };
