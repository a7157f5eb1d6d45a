// How the Evolution instance is, as one line of JSON; instance.py beside this reads it. Of one that is
// still being loaded nothing can be said. Of its number the last four digits alone leave this process.
// Usage: node - INSTANCE SALT SECRET (the digest of the salted secret that its webhook has to show)
@evolution_api.js@
const [instance, salt, wanted] = process.argv.slice(2);
const { createHash } = require("node:crypto");

const isOurs = (shown) => createHash("sha256").update(salt + shown).digest("hex") === wanted;

(async () => {
  const found = await find(instance);
  const former = await formerOnes(instance, isOurs);
  if (!found) return console.log(JSON.stringify({ status: null, secret: false, former }));
  // The row in its database is late; this is how it is now.
  const state = await stateWithin(10, instance);
  if (!state) return;
  const webhook = await settingOf(instance, "webhook");
  const settings = await settingOf(instance, "settings");
  const shown = (webhook.headers ?? {})["x-borgstack-secret"] ?? "";
  console.log(JSON.stringify({
    status: state,
    number: ending(found),
    since: { open: found.updatedAt, close: found.disconnectionAt }[state] ?? null,
    webhook: {
      enabled: webhook.enabled, url: webhook.url, events: webhook.events,
      byEvents: webhook.webhookByEvents ?? webhook.byEvents ?? false,
      base64: webhook.webhookBase64 ?? webhook.base64 ?? false,
    },
    settings,
    secret: isOurs(shown),
    former,
  }));
})();
