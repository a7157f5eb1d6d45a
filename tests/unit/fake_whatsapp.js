// Loaded before a program that runs in the containers of n8n or Evolution: `fetch` reaches an Evolution,
// an n8n and a Chatwoot that live in this process, and waiting takes no time. What each does wrong says
// FAKE, an object in JSON; the requests are noted in the file CALLS.
const fs = require("node:fs");
const fake = JSON.parse(process.env.FAKE ?? "{}");
const secret = "SecretOfTheBridge";
const token = "TokenOfChatwoot";
const key = (process.env.AUTHENTICATION_API_KEY = "KeyOfEvolution");

let ahead = 0;
const clock = Date.now;
Date.now = () => clock() + ahead;
globalThis.setTimeout = (call, milliseconds) => {
  ahead += milliseconds ?? 0;
  return setImmediate(call);
};

const instances = new Map(Object.entries(fake.instances ?? {}));
const contacts = (fake.contacts ?? []).map((one) => ({ messages: [], ...one }));
const sent = [];
let ids = 100;
const codes = [...(fake.codes ?? [])];

// What n8n's workflow for messages does with one.
function fromWhatsapp(data) {
  if (fake.n8n || fake.chatwoot === "silent") return;
  const id = (ids += 1);
  const messages = [{ id: (ids += 1), source_id: `WAID:${data.key.id}`, content: data.message.conversation }];
  contacts.push({ id, conversation: (ids += 1), identifier: data.key.remoteJid, name: data.pushName, messages });
}
// What worker and n8n's workflow for replies do with one.
function fromChatwoot(contact, content) {
  const message = { id: (ids += 1), content, message_type: 1, status: "sent" };
  contact.messages.push(message);
  if (fake.refused) Object.assign(message, { status: "failed", content_attributes: { external_error: fake.refused } });
  else if (!fake.worker) {
    const name = [...instances.keys()].find((one) => one.endsWith("-verify"));
    sent.push({ name, key: { remoteJid: contact.identifier, fromMe: true }, message: { conversation: content } });
    if (!fake.untold) message.status = "delivered";
  }
  return message;
}

const EVOLUTION = [
  ["GET", /^\/instance\/fetchInstances$/, () => [...instances].map(([name, one]) => ({ name, ...one }))],
  ["GET", /^\/instance\/connectionState\/(.+)$/, (name) => {
    const states = instances.get(name)?.states;
    const state = states?.length > 1 ? states.shift() : (states?.[0] ?? instances.get(name)?.connectionStatus);
    return { instance: { instanceName: name, state } };
  }],
  ["GET", /^\/instance\/connect\/([^?]+)/, () => fake.trouble ?? (codes.length > 1 ? codes.shift() : (codes[0] ?? { count: 0 }))],
  ["POST", /^\/instance\/create$/, (_, body) => {
    // It logs what an instance is created of, whole.
    if (JSON.stringify(body).includes(secret)) throw new Error("a secret goes into the log");
    return instances.set(body.instanceName, body) && { created: 201 };
  }],
  ["DELETE", /^\/instance\/logout\/(.+)$/, (name) => Object.assign(instances.get(name), { out: true })],
  ["DELETE", /^\/instance\/delete\/(.+)$/, (name) => {
    if (fake.open && !instances.get(name).out) return { created: 400 };
    if (!fake.stuck) instances.delete(name);
    return {};
  }],
  ["POST", /^\/webhook\/set\/(.+)$/, (name, { webhook }) => {
    const one = instances.get(name);
    if (one.states?.[0] === "") return { created: 500 }; // it is being loaded
    fs.appendFileSync(process.env.CALLS, `  ${webhook.events} ${Boolean(webhook.headers["x-borgstack-secret"])}\n`);
    return Object.assign(one, { webhook: { ...webhook, webhookBase64: webhook.base64 } }) && { created: 201 };
  }],
  ["GET", /^\/webhook\/find\/(.+)$/, (name) => fake.unread ?? (instances.get(name).states?.[0] === "" ? null : instances.get(name).webhook ?? null)],
  ["GET", /^\/settings\/find\/(.+)$/, (name) => instances.get(name).settings ?? null],
  ["POST", /^\/settings\/set\/(.+)$/, (name, settings) => fake.unset ?? (Object.assign(instances.get(name), { settings }) && { created: 201 })],
  ["POST", /^\/instance\/restart\/(.+)$/, () => ({})],
  ["POST", /^\/webhook\/evolution$/, (_, body) => {
    const one = [...instances.values()].find(({ number }) => number === body.numberId);
    if (!one || fake.deaf) return null;
    if (one.webhook?.headers["x-borgstack-secret"] === secret) fromWhatsapp(body);
    return { status: "success" };
  }],
  ["POST", /^\/chat\/findMessages\/(.+)$/, (name) => ({ messages: { records: sent.filter((one) => one.name === name) } })],
];
const CHATWOOT = [
  ["GET", /^\/api\/v1\/profile$/, () => ({ accounts: [{ id: 7, role: "administrator" }] })],
  ["GET", /\/7\/inboxes$/, () => ({ payload: [{ id: 3, name: "WhatsApp", webhook_url: fake.wired ?? "http://caddy:8090/webhook/whatsapp-replies-to-check" }] })],
  ["GET", /\/7\/contacts\/search/, () => ({ payload: contacts })],
  ["GET", /\/7\/contacts\/(\d+)\/conversations$/, (id) => ({ payload: contacts.filter((one) => one.id == id).map((one) => ({ id: one.conversation })) })],
  ["DELETE", /\/7\/contacts\/(\d+)$/, (id) => contacts.splice(contacts.findIndex((one) => one.id == id), 1) && {}],
  ["GET", /\/7\/conversations\/(\d+)\/messages$/, (id) => ({ payload: contacts.find((one) => one.conversation == id).messages })],
  ["POST", /\/7\/conversations\/(\d+)\/messages$/, (id, body) => fromChatwoot(contacts.find((one) => one.conversation == id), body.content)],
  ["GET", /\/7\/conversations\/(\d+)$/, (id) => contacts.find((one) => one.conversation == id) ?? { created: 404 }],
];
const N8N = [
  ["POST", /^\/webhook\/whatsapp-inbound$/, () => ({ created: fake.n8n ?? 200 })],
  ["GET", /^\/webhook\/whatsapp-(inbound|replies-to-check)$/, (which) =>
    (fake.deafen === which.split("-")[0] ? "<pre>Cannot GET</pre>" : "Did you mean to make a POST request?")],
  ["GET", /^\/rest\/settings$/, () => ({ data: { userManagement: { showSetupOnFirstLoad: fake.claimable ?? false } } })],
];
// Caddy hands on to n8n.
const SERVERS = { chatwoot: CHATWOOT, n8n: N8N, caddy: N8N, "127.0.0.1": process.env.IN === "n8n" ? N8N : EVOLUTION };

globalThis.fetch = async (address, { method = "GET", headers = {}, body } = {}) => {
  const url = new URL(address);
  fs.appendFileSync(process.env.CALLS, `${method} ${address}\n`);
  if (url.hostname === fake.down) throw new Error("refused");
  const shown = headers.apikey ?? headers.api_access_token;
  if (shown && ![key, token].includes(shown)) throw new Error("the key is wrong");
  const path = url.pathname + url.search;
  const [, pattern, answer] = SERVERS[url.hostname].find(([verb, one]) => verb === method && one.test(path)) ?? [];
  if (!pattern) throw new Error(`the fake knows no ${method} ${address}`);
  const said = answer(pattern.exec(path)[1], body && JSON.parse(body));
  const status = said?.created ?? (method === "POST" && /create/.test(path) ? 201 : 200);
  const text = typeof said === "string" ? said : JSON.stringify(said);
  return { status, ok: status < 300, text: async () => text, json: async () => JSON.parse(text) };
};
