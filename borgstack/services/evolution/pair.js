// Asks WhatsApp for a code and waits until there is another than the one that is shown, or a phone has
// taken it. One line `pairing JSON`; borgstack/pair.py reads it, and shows the code to a person alone.
// Usage: node -e … INSTANCE NUMBER SEEN SECONDS
//   NUMBER   of the phone, for a pairing code beside the QR code; may be empty
//   SEEN     the digest of what is shown; may be empty
@evolution_api.js@
const [instance, number, seen, seconds] = process.argv.slice(1);
const { createHash } = require("node:crypto");
const say = (said) => console.log(`pairing ${JSON.stringify(said)}`);
const ask = async () => {
  const { json, status } = await api("GET", `/instance/connect/${instance}${number && `?number=${number}`}`);
  if (!json || json.error) throw new Error(String(json?.message ?? `Evolution answers ${status}`).slice(0, 200));
  return json;
};

(async () => {
  const until = Date.now() + 1000 * Number(seconds);
  let again = 0;
  for (;;) {
    if (!(await find(instance))) return say({ state: "missing" });
    const state = await stateWithin(seconds, instance);
    if (!state) throw new Error(`Evolution has not loaded the instance within ${seconds} s`);
    if (state === "open") return say({ state, number: ending(await find(instance)) });
    // Each question to one that is closed begins a new connection.
    if (state !== "close" || Date.now() > again) {
      const { code, pairingCode } = await ask();
      again = Date.now() + 5000;
      if (code && number && !pairingCode && !seen && state === "connecting") {
        // The number counts only for a connection that is begun with it.
        await api("DELETE", `/instance/logout/${instance}`);
        again = 0;
      } else if (code) {
        const digest = createHash("sha256").update(`${code} ${pairingCode}`).digest("hex").slice(0, 16);
        if (digest !== seen) return say({ state, code, pairingCode: pairingCode ?? null, digest });
      }
    }
    if (Date.now() > until) return say({ state });
    await pause(1);
  }
})().catch((error) => say({ error: error.message }));
