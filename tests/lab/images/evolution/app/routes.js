'use strict';
// The original's API, as far as a deployer or an integration goes.

const instances = require('./instances');
const messages = require('./messages');
const database = require('./database');
const settings = require('./settings');
const webhooks = require('./webhooks');
const { Early, Refusal, route } = require('./http');
const { jidOf } = require('./checks');
const { exists } = require('./whatsapp');
const { sleep } = require('./instance');

const isGlobalKey = (call) => call.headers.apikey === settings.text('AUTHENTICATION_API_KEY');

/** An unknown name is told before any key is looked at. */
async function known(call) {
  call.instance = instances.loaded.get(call.name);
  if (!call.instance && (await instances.isComing(call.name))) throw new Early(call);
  if (!call.instance) throw new Refusal(404, `The "${call.name}" instance does not exist`);
}

function free(call) {
  const name = call.body.instanceName;
  if (instances.loaded.has(name)) throw new Refusal(403, `This name "${name}" is already in use.`);
}

function globalKey(call) {
  if (!isGlobalKey(call)) throw new Refusal(401);
}

/** The global key, or the token of the instance itself. */
function anyKey(call) {
  const { apikey } = call.headers;
  if (!apikey || (!isGlobalKey(call) && apikey !== call.instance.token)) throw new Refusal(401);
}

const own = (status = 200) => ({ guards: [known, anyKey], status });
const stateOf = (instance) => ({ instance: { instanceName: instance.name, state: instance.state } });
const isOpen = (instance) => instance.state === 'open';

function welcome({ headers }) {
  return {
    status: 200,
    message: 'Welcome to the Evolution API, it is working!',
    version: settings.VERSION,
    clientName: settings.text('DATABASE_CONNECTION_CLIENT_NAME'),
    manager: settings.flag('SERVER_DISABLE_MANAGER') ? undefined : `http://${headers.host}/manager`,
    documentation: 'https://doc.evolution-api.com',
  };
}

function fetchInstances(call) {
  if (isGlobalKey(call)) return instances.fetch(call.query.instanceName);
  const { apikey } = call.headers;
  const owner = [...instances.loaded.values()].find((instance) => apikey && instance.token === apikey);
  if (!owner) throw new Refusal(401);
  return instances.fetch(owner.name);
}

async function connect({ instance, query }) {
  if (isOpen(instance)) return stateOf(instance);
  if (instance.state === 'close') {
    await instance.connect(query.number);
    await sleep(settings.connectSeconds());
  }
  return instance.qr;
}

async function restart({ instance }) {
  if (instance.state === 'close') return { error: true, message: '[object Object]' };
  if (instance.isWhatsApp) await instance.connect();
  return isOpen(instance) ? stateOf(instance) : instance.qr;
}

async function logout({ instance }) {
  if (instance.state === 'close') throw new Refusal(400, `The "${instance.name}" instance is not connected`);
  await instance.unlink();
  return { status: 'SUCCESS', error: false, response: { message: 'Instance logged out' } };
}

async function remove({ instance }) {
  if (isOpen(instance)) await instance.unlink();
  instance.emit('instance.delete', { instanceName: instance.name, instanceId: instance.id });
  await instances.remove(instance);
  return { status: 'SUCCESS', error: false, response: { message: 'Instance deleted' } };
}

function missing(given, names) {
  const absent = names.filter((name) => given?.[name] === undefined);
  if (absent.length) throw new Refusal(400, absent.map((name) => `instance requires property "${name}"`));
}

async function setSettings({ instance, body }) {
  missing(body, instances.SWITCHES);
  const kept = Object.fromEntries([...instances.SWITCHES, 'msgCall'].map((name) => [name, body[name] ?? null]));
  await instances.saveSettings(instance, kept);
  return { settings: { instanceName: instance.name, instanceId: instance.id, settings: kept } };
}

async function findSettings({ instance }) {
  const { id, createdAt, updatedAt, instanceId, ...kept } = await database.row(
    'SELECT * FROM "Setting" WHERE "instanceId" = $1', instance.id,
  );
  return kept;
}

function setWebhook({ instance, body }) {
  missing(body, ['webhook']);
  missing(body.webhook, ['enabled', 'url']);
  const unknown = (body.webhook.events || []).filter((name) => !webhooks.EVENTS.includes(name));
  if (unknown.length) throw new Refusal(400, unknown.map((name) => `${name} is not one of enum values`));
  return webhooks.set(instance.id, body.webhook);
}

/** For the channel without WhatsApp; no key is asked for. */
async function receivePlain({ body }) {
  const found = [...instances.loaded.values()].find((one) => body.numberId && one.number === body.numberId);
  if (!found) return undefined;
  if (body.message) await messages.receivePlain(found, body);
  return { status: 'success' };
}

const whatsappNumbers = ({ body }) =>
  body.numbers.map((number) => ({ jid: jidOf(number), exists: exists(jidOf(number)), number }));

function declare() {
  route('GET', '/', welcome);
  route('GET', '/manager', () => '<!doctype html><title>Evolution Manager (double)</title>');
  route('POST', '/verify-creds', () => ({ status: 200, message: 'Credentials are valid' }), { guards: [globalKey] });
  route('POST', '/instance/create', ({ body }) => instances.create(body), { guards: [free, globalKey], status: 201 });
  route('GET', '/instance/fetchInstances', fetchInstances);
  route('GET', '/instance/connectionState/:name', ({ instance }) => stateOf(instance), own());
  route('GET', '/instance/connect/:name', connect, own());
  route('POST', '/instance/restart/:name', restart, own());
  route('DELETE', '/instance/logout/:name', logout, own());
  route('DELETE', '/instance/delete/:name', remove, own());
  route('POST', '/settings/set/:name', setSettings, own(201));
  route('GET', '/settings/find/:name', findSettings, own());
  route('POST', '/webhook/evolution', receivePlain);
  route('POST', '/webhook/set/:name', setWebhook, own(201));
  route('GET', '/webhook/find/:name', ({ instance }) => webhooks.of(instance.id), own());
  route('POST', '/message/sendText/:name', ({ instance, body }) => messages.sendText(instance, body), own(201));
  route('POST', '/message/sendMedia/:name', ({ instance, body, file }) => messages.sendMedia(instance, body, file), own(201));
  route('POST', '/message/sendWhatsAppAudio/:name', ({ instance, body, file }) => messages.sendAudio(instance, body, file), own(201));
  route('POST', '/chat/whatsappNumbers/:name', whatsappNumbers, own());
  route('POST', '/chat/findMessages/:name', ({ instance, body }) => messages.find(instance, body), own());
  route('POST', '/chat/getBase64FromMediaMessage/:name', ({ instance, body }) => messages.media(instance, body), own(201));
}

module.exports = { declare, known };
