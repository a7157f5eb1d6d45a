// Makes the Evolution instance, or puts its webhook and settings right, and unlinks those that have to leave.
// Usage: node -e … INSTANCE WANTED  <the secret that the webhook shows
@evolution_api.js@
const [instance, text] = process.argv.slice(1);
const wanted = JSON.parse(text);
const secret = require("node:fs").readFileSync(0, "utf8");

const tell = async (what, path, body) => {
  const answer = await api("POST", path, body);
  if (answer.status >= 300) {
    const said = answer.text.replaceAll(secret, "***").slice(0, 500);
    throw new Error(`expected 201 for ${path}; Evolution answered ${answer.status}: ${said}`);
  }
  console.log(`${what} ${instance}`);
};

const loaded = async () => {
  if (await stateWithin(40, instance)) return;
  throw new Error(`expected Evolution to have loaded the instance ${instance} within 40 s; it has not`);
};

const remove = async (name) => {
  await api("DELETE", `/instance/logout/${name}`); // 400 where no phone is linked
  const { status } = await api("DELETE", `/instance/delete/${name}`);
  if (status >= 300) throw new Error(`expected 200 for the removal of ${name}; Evolution answered ${status}`);
  console.log(`unlinked and removed ${name}`);
};

const converge = async () => {
  if (!secret) throw new Error("expected the secret of the webhook on stdin; it got lost");
  const webhook = { ...wanted.webhook, headers: { "x-borgstack-secret": secret } };
  // By a call of its own: Evolution logs what it creates an instance of, whole.
  const setWebhook = (more) => tell("set the webhook of", `/webhook/set/${instance}`, { webhook: { ...webhook, ...more } });
  if (!(await find(instance))) {
    await tell("created", "/instance/create", {
      instanceName: instance, integration: "WHATSAPP-BAILEYS", qrcode: false, ...wanted.settings,
    });
    return setWebhook();
  }
  await loaded();
  const before = await settingOf(instance, "webhook");
  const { events } = webhook;
  // Whether media comes along is read when it connects (loadWebhook of Evolution 2.2.3). Until it has,
  // the webhook asks for an event more, which n8n passes over: a run that dies in between leaves that
  // to be seen.
  const connects = Boolean(before.webhookBase64) !== webhook.base64 || String(before.events) !== String(events);
  if (connects) await setWebhook({ events: [...events, "CALL"] });
  await tell("set the settings of", `/settings/set/${instance}`, wanted.settings);
  if (connects) {
    await tell("restarted", `/instance/restart/${instance}`);
    await loaded();
  }
  await setWebhook();
};

(async () => {
  await converge();
  const former = await formerOnes(instance, (shown) => shown === secret);
  for (const one of former.filter((name) => wanted.leaving.includes(name))) await remove(one);
})().catch((error) => {
  console.error(`${error.message}\nSee: docker logs evolution. Then run the deploy again.`);
  process.exitCode = 1;
});
