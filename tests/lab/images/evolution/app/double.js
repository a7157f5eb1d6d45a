'use strict';
// The double's own routes, for tests: the phone, the customers and WhatsApp itself. README.md says how.

const instances = require('./instances');
const messages = require('./messages');
const webhooks = require('./webhooks');
const whatsapp = require('./whatsapp');
const { Refusal, route } = require('./http');
const { jidOf } = require('./checks');
const { known } = require('./routes');

async function scan({ instance, body }) {
  if (!instance.isWhatsApp) throw new Refusal(400, 'this channel has no QR code');
  if (!instance.qr.code || instance.state !== 'connecting') throw new Refusal(409, 'there is no QR code to scan');
  await instance.scanned(body.number || '5511999990000', body.name || 'Lab');
  return { state: instance.state, owner: instance.owner };
}

/** What the phone gets while the link is down is handed over when it is up again. */
async function receive({ instance, body }) {
  if (!body.key?.remoteJid) throw new Refusal(400, 'key.remoteJid is missing');
  if (instance.state !== 'open') {
    instance.waiting.push(() => messages.receive(instance, body));
    return { event: false, waiting: instance.waiting.length };
  }
  return { event: await messages.receive(instance, body) };
}

const ofInstance = (list) => ({ name }) => list.filter((entry) => entry.instance === name);

function forget(list) {
  return ({ name }) => {
    const others = list.filter((entry) => entry.instance !== name);
    list.splice(0, list.length, ...others);
    return { left: 0 };
  };
}

function fail({ name, body }) {
  whatsapp.failures.set(name, { times: body.times ?? 1, status: body.status ?? 500, sent: body.sent === true });
  return whatsapp.failures.get(name);
}

function absent({ body }) {
  whatsapp.absent.clear();
  for (const number of body.numbers || []) whatsapp.absent.add(jidOf(number).split('@')[0]);
  return { numbers: [...whatsapp.absent] };
}

function declare() {
  const guards = [known];
  route('GET', '/double/loaded', () => ({ loaded: instances.isLoaded() }));
  route('POST', '/double/scan/:name', scan, { guards });
  route('POST', '/double/unlink/:name', async ({ instance }) => ({ state: await instance.unlink() }), { guards });
  route('POST', '/double/receive/:name', receive, { guards });
  route('GET', '/double/sent/:name', ofInstance(whatsapp.reached));
  route('DELETE', '/double/sent/:name', forget(whatsapp.reached));
  route('GET', '/double/deliveries/:name', ofInstance(webhooks.deliveries));
  route('DELETE', '/double/deliveries/:name', forget(webhooks.deliveries));
  route('POST', '/double/fail/:name', fail);
  route('POST', '/double/absent', absent);
}

module.exports = { declare };
