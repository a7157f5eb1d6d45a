// Whether n8n takes calls at the two addresses, and whether anybody could still claim it, in one line
// `n8n JSON`; borgstack/bridge.py reads it.
// Usage: node -e … INBOUND-URL REPLY-URL
const [inbound, replies] = process.argv.slice(1);
const ask = (url) => fetch(url, { signal: AbortSignal.timeout(5000) });
// To a GET where only a POST is taken n8n says so, and runs nothing.
const listens = async (url) => {
  const text = await (await ask(url)).text();
  return text.includes("Did you mean to make a POST request");
};

(async () => {
  const settings = (await (await ask("http://127.0.0.1:5678/rest/settings")).json()).data;
  console.log(`n8n ${JSON.stringify({
    listens: {
      inbound: await listens(inbound),
      // On the way that Chatwoot takes, through Caddy; without that one, replies do not arrive.
      replies: await listens(replies).catch(() => false),
    },
    claimable: settings.userManagement.showSetupOnFirstLoad,
  })}`);
})();
