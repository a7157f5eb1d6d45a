// The API of Evolution, asked in its own container: the key is in the environment there.
const api = async (method, path, body) => {
  const answer = await fetch(`http://127.0.0.1:${process.env.SERVER_PORT || 8080}${path}`, {
    method,
    headers: { apikey: process.env.AUTHENTICATION_API_KEY, "content-type": "application/json" },
    body: body && JSON.stringify(body),
    signal: AbortSignal.timeout(20000),
  });
  const text = await answer.text();
  let json = null;
  try { json = JSON.parse(text); } catch { /* its proxies answer in HTML */ }
  return { status: answer.status, json, text };
};
// What is set of an instance: {} where nothing is. An error says nothing of it.
const settingOf = async (instance, what) => {
  const path = `/${what}/find/${instance}`;
  const { status, json } = await api("GET", path);
  if (status >= 300) throw new Error(`expected 200 for ${path}; Evolution answered ${status}`);
  return json ?? {};
};
const nameOf = (one) => one.name ?? one.instance?.instanceName;
const listed = async () => {
  // Asked for one that is not there by its name, Evolution answers 404.
  const found = await api("GET", "/instance/fetchInstances");
  if (!Array.isArray(found.json)) throw new Error(`fetchInstances answered ${found.status}`);
  return found.json;
};
const find = async (instance) => (await listed()).find((one) => nameOf(one) === instance) ?? null;
// Those of an earlier name, which show n8n our secret: what their phone gets would go on coming in.
const formerOnes = async (instance, isOurs) => {
  const names = (await listed()).map(nameOf);
  const former = [];
  // As InstanceName of values.py has it: one of another name was never ours, and may lead to another path.
  const mayBeOurs = (one) => /^[a-z0-9][a-z0-9-]{0,39}$/.test(one) && one !== instance && !one.endsWith("-verify");
  for (const name of names.filter(mayBeOurs)) {
    const shown = (await settingOf(name, "webhook")).headers?.["x-borgstack-secret"];
    if (shown && isOurs(shown)) former.push(name);
  }
  return former;
};
// Of the number of the phone, what may be shown.
const ending = (found) => String(found?.ownerJid ?? "").split(/[:@]/)[0].slice(-4);
// After a start an instance is listed before it is loaded: until then it has no state, its webhook is
// null, and what is set fails (seen with Evolution 2.2.3).
const stateWithin = async (seconds, instance) => {
  for (const end = Date.now() + 1000 * seconds; ; await pause(0.2)) {
    const { json } = await api("GET", `/instance/connectionState/${instance}`);
    const state = json?.instance?.state ?? null;
    if (state || Date.now() > end) return state;
  }
};
const pause = (seconds) => new Promise((resolve) => setTimeout(resolve, 1000 * seconds));
