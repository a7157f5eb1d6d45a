// Makes the Evolution instance, or puts its webhook and settings right.
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

(async () => {
  const webhook = { ...wanted.webhook, headers: { "x-borgstack-secret": secret } };
  const found = await find(instance);
  if (!found) {
    await tell("created", "/instance/create", {
      instanceName: instance, integration: "WHATSAPP-BAILEYS", qrcode: false, ...wanted.settings,
    });
  }
  const before = (await api("GET", `/webhook/find/${instance}`)).json ?? {};
  // By a call of its own: Evolution logs what it creates an instance of, whole.
  await tell("set the webhook of", `/webhook/set/${instance}`, { webhook });
  if (!found) return;
  await tell("set the settings of", `/settings/set/${instance}`, wanted.settings);
  // Whether media comes along is read when it connects (facts 1.3).
  if (before.webhookBase64 !== true) await tell("restarted", `/instance/restart/${instance}`);
})().catch((error) => {
  console.error(`${error.message}\nSee: docker logs evolution. Then run the deploy again.`);
  process.exitCode = 1;
});
