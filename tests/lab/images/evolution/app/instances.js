'use strict';
// The instances that are loaded, by name. At the start all come back from the database.

const crypto = require('crypto');
const database = require('./database');
const keys = require('./keys');
const webhooks = require('./webhooks');
const { Instance, sleep } = require('./instance');
const { Refusal } = require('./http');
const settings = require('./settings');

const INTEGRATIONS = ['WHATSAPP-BAILEYS', 'EVOLUTION'];
const SWITCHES = ['rejectCall', 'groupsIgnore', 'alwaysOnline', 'readMessages', 'readStatus', 'syncFullHistory'];
const loaded = new Map();
let allLoaded = false;
const clientName = () => settings.text('DATABASE_CONNECTION_CLIENT_NAME');

/** The original asks for WhatsApp's newest version first, unless one is set, and waits for the answer. */
async function load() {
  await sleep(settings.loadSeconds());
  for (const row of await database.rows('SELECT * FROM "Instance" WHERE "clientName" = $1', clientName())) {
    const instance = new Instance(row);
    loaded.set(row.name, instance);
    if (instance.isWhatsApp) await instance.connect(); // also one that was never paired (facts 6)
  }
  allLoaded = true;
}

const switches = (given) => ({
  ...Object.fromEntries(SWITCHES.map((name) => [name, given[name] === true])),
  msgCall: given.msgCall || '',
});

function saveSettings(instance, given) {
  return database.upsert('Setting', 'instanceId', { id: crypto.randomUUID(), instanceId: instance.id, ...given });
}

async function save(given) {
  return database.row(
    `INSERT INTO "Instance" (id, name, "connectionStatus", integration, number, token, "clientName")
     VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING *`,
    crypto.randomUUID(), given.instanceName, given.integration === 'EVOLUTION' ? 'open' : 'close', given.integration,
    given.number || null, given.token || crypto.randomUUID().toUpperCase(), clientName(),
  );
}

/** Whether an instance is listed, and not loaded yet. */
async function isComing(name) {
  return !allLoaded && Boolean(await database.row('SELECT 1 FROM "Instance" WHERE name = $1', name));
}

/** Creates an instance; an error on the way takes it away again and is told as 400. */
async function create(given) {
  console.log(given); // as the original does, whatever LOG_LEVEL says (facts 6)
  if (!given.instanceName) throw new Refusal(400, ['instance requires property "instanceName"']);
  if (given.number && !/^\d+[.@\w-]+/.test(given.number)) {
    throw new Refusal(400, ['number does not match pattern "^\\d+[\\.@\\w-]+"']);
  }
  if (given.integration === 'WHATSAPP-BUSINESS') throw new Refusal(501, 'the double has no WHATSAPP-BUSINESS');
  if (!INTEGRATIONS.includes(given.integration)) throw new Refusal(400, 'Invalid integration');
  const instance = new Instance(await save(given));
  loaded.set(instance.name, instance);
  try {
    if (given.webhook) await webhooks.set(instance.id, { ...given.webhook, enabled: true });
  } catch (error) {
    await remove(instance);
    throw new Refusal(400, error.said ? error.said[0] : error.message);
  }
  instance.emit('instance.create', { instanceName: instance.name, instanceId: instance.id });
  const kept = switches(given);
  await saveSettings(instance, kept);
  return described(instance, given, kept, await firstCode(instance, given));
}

async function firstCode(instance, given) {
  if (!given.qrcode || !instance.isWhatsApp) return undefined;
  await instance.connect(given.number);
  await sleep(settings.createSeconds());
  return instance.qr;
}

const described = (instance, given, kept, qrcode) => ({
  instance: {
    instanceName: instance.name,
    instanceId: instance.id,
    integration: instance.integration,
    webhookWaBusiness: null,
    accessTokenWaBusiness: '',
    status: instance.state,
  },
  hash: instance.token,
  webhook: {
    webhookUrl: given.webhook?.url,
    webhookHeaders: given.webhook?.headers,
    webhookByEvents: given.webhook?.byEvents,
    webhookBase64: given.webhook?.base64,
  },
  websocket: {},
  rabbitmq: {},
  sqs: {},
  settings: kept,
  qrcode,
});

async function remove(instance) {
  clearTimeout(instance.timer);
  loaded.delete(instance.name);
  await keys.remove(instance.id);
  await database.row('DELETE FROM "Instance" WHERE id = $1', instance.id);
}

const FETCHED = `SELECT i.*, NULL AS "Chatwoot", NULL AS "Proxy", NULL AS "Rabbitmq", NULL AS "Sqs", NULL AS "Websocket",
    (SELECT row_to_json(s) FROM "Setting" s WHERE s."instanceId" = i.id) AS "Setting",
    json_build_object('Message', (SELECT count(*) FROM "Message" m WHERE m."instanceId" = i.id), 'Contact', 0, 'Chat', 0) AS _count
  FROM "Instance" i WHERE i."clientName" = $1`;

/** The instances as a bare array; a name that is not loaded is 404, not an empty one. */
async function fetch(name) {
  if (name && !loaded.has(name)) throw new Refusal(404, `Instance "${name}" not found`);
  if (name) return database.rows(`${FETCHED} AND i.name = $2`, clientName(), name);
  return database.rows(`${FETCHED} ORDER BY i."createdAt"`, clientName());
}

module.exports = { loaded, load, isLoaded: () => allLoaded, isComing, create, remove, fetch, saveSettings, SWITCHES };
