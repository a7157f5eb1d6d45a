// Makes the owner of an n8n that nobody has claimed yet, and waits until n8n can be asked to.
// Usage: node -e … EMAIL SECONDS  <the password
const [email, seconds] = process.argv.slice(1);
const password = require("node:fs").readFileSync(0, "utf8");
const ask = (path, body) => fetch(`http://127.0.0.1:5678/rest/${path}`, {
  method: body ? "POST" : "GET",
  headers: { "content-type": "application/json" },
  body: body && JSON.stringify(body),
  signal: AbortSignal.timeout(20000),
});

(async () => {
  if (!password) throw new Error("expected the password on stdin; it got lost");
  const until = Date.now() + 1000 * Number(seconds);
  for (;;) { // its REST interface opens about a second after it is healthy
    const answer = await ask("settings").catch(() => null);
    if (answer?.ok) {
      const settings = (await answer.json()).data;
      if (!settings.userManagement.showSetupOnFirstLoad) return console.log("n8n has an owner");
      break;
    }
    if (Date.now() > until) throw new Error(`n8n answered nothing to /rest/settings for ${seconds} s`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  const answer = await ask("owner/setup", { email, firstName: "BorgStack", lastName: "Operator", password });
  if (!answer.ok) {
    const said = (await answer.text()).replaceAll(password, "***").slice(0, 500);
    throw new Error(`expected 200 for /rest/owner/setup; n8n answered ${answer.status}: ${said}`);
  }
  console.log(`n8n belongs to ${email}`);
})().catch((error) => {
  console.error(`${error.message}\nSee: docker logs n8n. Then run the deploy again.`);
  process.exitCode = 1;
});
