// Runs in the container of Evolution, from where Chatwoot and n8n can be reached as well. The token of
// Chatwoot and the secret that n8n wants come on stdin, a line each, and leave this process only in
// requests within the stack. A channel of Evolution that has no phone carries the messages.
// Usage: node -e … INSTANCE INBOX INBOUND-URL REPLY-URL
@evolution_api.js@
const [real, inboxName, inbound, replies] = process.argv.slice(1);
const [token, secret] = require("node:fs").readFileSync(0, "utf8").split("\n");
const { randomBytes, randomInt } = require("node:crypto");
const MARK = "borgstack verify";
const WAIT = 30;
const instance = `${real}-verify`;

class Failed extends Error {}

// No number in the world begins with a zero: nobody can be written to by mistake.
const nobody = () => `00${Array.from({ length: 13 }, () => randomInt(10)).join("")}`;
const ours = (identifier) => /^00[0-9]+@s\.whatsapp\.net$/.test(identifier ?? "");

const chatwoot = async (method, path, body) => {
  const answer = await fetch(`http://chatwoot:3000${path}`, {
    method,
    // As Caddy would say: FORCE_SSL redirects everything else.
    headers: { api_access_token: token, "x-forwarded-proto": "https", "content-type": "application/json" },
    body: body && JSON.stringify(body),
    redirect: "manual",
    signal: AbortSignal.timeout(15000),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Failed(`${method} ${path.split("?")[0]} of Chatwoot answers ${answer.status}`);
  return text ? JSON.parse(text) : {};
};
const until = async (seconds, look) => {
  const ends = Date.now() + 1000 * seconds;
  for (;;) {
    const found = await look();
    if (found || Date.now() > ends) return found;
    await pause(0.25);
  }
};

// The inbox is known by its name and by where it hands replies to.
const findInbox = async () => {
  const { accounts } = await chatwoot("GET", "/api/v1/profile");
  for (const { id } of accounts) {
    const { payload } = await chatwoot("GET", `/api/v1/accounts/${id}/inboxes`);
    const found = payload.find((one) => one.name === inboxName && one.webhook_url === replies);
    if (found) return { account: `/api/v1/accounts/${id}`, inbox: found.id };
  }
  throw new Failed(`Chatwoot has no inbox ${inboxName} that hands replies to n8n`);
};

const search = async (account) => {
  const { payload } = await chatwoot("GET", `${account}/contacts/search?q=${encodeURIComponent(MARK)}`);
  return payload.filter((one) => ours(one.identifier));
};
const conversationsOf = async (account, contact) =>
  (await chatwoot("GET", `${account}/contacts/${contact.id}/conversations`)).payload;
const messagesOf = async (account, conversation) =>
  (await chatwoot("GET", `${account}/conversations/${conversation}/messages`)).payload;

const removeInstance = async () => {
  const found = await find(instance);
  if (!found) return;
  if (found.integration !== "EVOLUTION" || !String(found.number).startsWith("00")) {
    throw new Failed(`the instance ${instance} of Evolution is not of borgstack verify`);
  }
  const path = `/instance/delete/${instance}`;
  if ((await api("DELETE", path)).status < 300) return;
  // To newer versions it counts as connected, and has to be logged out first.
  await api("DELETE", `/instance/logout/${instance}`);
  await api("DELETE", path);
};
// Conversations and messages go with their contact, in a job of Chatwoot.
const removeAll = async (account) => {
  await removeInstance();
  const left = [];
  for (const contact of await search(account)) {
    left.push(...(await conversationsOf(account, contact)));
    await chatwoot("DELETE", `${account}/contacts/${contact.id}`);
  }
  return until(15, async () => {
    if ((await find(instance)) || (await search(account)).length) return false;
    for (const { id } of left) {
      if (await chatwoot("GET", `${account}/conversations/${id}`).catch(() => null)) return false;
    }
    return true;
  });
};

const createInstance = async (number) => {
  const tell = async (path, body) => {
    const { status } = await api("POST", path, body);
    if (status !== 201) throw new Failed(`Evolution answers ${status} to ${path}`);
  };
  await tell("/instance/create", { instanceName: instance, integration: "EVOLUTION", number, qrcode: false });
  // By a call of its own: Evolution logs what it creates an instance of, whole.
  const webhook = {
    enabled: true, url: inbound, byEvents: false, base64: true, events: ["MESSAGES_UPSERT"],
    headers: { "x-borgstack-secret": secret },
  };
  await tell(`/webhook/set/${instance}`, { webhook });
};

// What n8n itself says to an event that its workflow leaves alone.
const askN8n = () => fetch(inbound, {
  method: "POST",
  headers: { "x-borgstack-secret": secret, "content-type": "application/json" },
  body: JSON.stringify({ event: "borgstack.verify" }),
  signal: AbortSignal.timeout(15000),
}).then((answer) => answer.status, () => 0);

const comeIn = async (said, account) => {
  const [number, id] = [nobody(), randomBytes(10).toString("hex").toUpperCase()];
  const remoteJid = `${nobody()}@s.whatsapp.net`;
  await createInstance(number);
  const began = Date.now();
  const taken = await api("POST", "/webhook/evolution", {
    numberId: number, key: { id, remoteJid, fromMe: false }, pushName: MARK,
    message: { conversation: `in ${id}` }, messageType: "conversation",
  });
  said.taken = taken.json?.status === "success";
  if (!said.taken) return null;
  const found = await until(WAIT, async () => {
    const contact = (await search(account)).find((one) => one.identifier === remoteJid);
    for (const conversation of contact ? await conversationsOf(account, contact) : []) {
      const messages = await messagesOf(account, conversation.id);
      if (messages.some((one) => one.source_id === `WAID:${id}`)) return conversation;
    }
    return null;
  });
  if (found) said.in = Date.now() - began;
  else said.n8n = await askN8n();
  return found && { conversation: found.id, remoteJid };
};

const goOut = async (said, account, { conversation, remoteJid }) => {
  const content = `out ${randomBytes(8).toString("hex")}`;
  const began = Date.now();
  const reply = await chatwoot("POST", `${account}/conversations/${conversation}/messages`, { content, message_type: "outgoing" });
  const now = async () => (await messagesOf(account, conversation)).find((one) => one.id === reply.id) ?? {};
  const sent = async () => {
    const where = { key: { remoteJid, fromMe: true } };
    const { json } = await api("POST", `/chat/findMessages/${instance}`, { where });
    return (json?.messages?.records ?? []).some((one) => one.message?.conversation?.includes(content));
  };
  const ended = await until(WAIT, async () => ((await sent()) ? "sent" : (await now()).status === "failed" && "failed"));
  if (ended === "failed") said.refused = String((await now()).content_attributes?.external_error ?? "").slice(0, 250);
  if (ended !== "sent") return;
  said.out = Date.now() - began;
  // Before that, n8n is still at work on it.
  said.told = Boolean(await until(15, async () => (await now()).status === "delivered"));
};

const said = { taken: false, in: null, out: null, told: false };
(async () => {
  if (!token || !secret) throw new Failed("there is no CHATWOOT_API_TOKEN or WHATSAPP_BRIDGE_SECRET in .env");
  const { account } = await findInbox();
  await removeAll(account);
  try {
    const came = await comeIn(said, account);
    if (came) await goOut(said, account, came);
  } finally {
    said.removed = Boolean(await removeAll(account));
  }
})()
  // Of any other error the kind alone: its message could quote what people wrote.
  .catch((error) => { said.error = error instanceof Failed ? error.message : error.cause?.code ?? error.name; })
  .then(() => console.log(`whatsapp ${JSON.stringify(said)}`));
