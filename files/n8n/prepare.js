// Runs in the one-shot container n8n-prepare, beside the n8n that may be at work: fills in what only
// this server knows, and imports credentials and workflows by their fixed ids. Running it again
// changes nothing. What is imported is served at once; a new address, when n8n starts.
"use strict";
const { spawn } = require("node:child_process");
const { mkdirSync, readFileSync, writeFileSync } = require("node:fs");

const FOLDER = "/etc/borgstack";
const CHATWOOT = "http://chatwoot:3000";
const wanted = JSON.parse(readFileSync(`${FOLDER}/preparation.json`, "utf8"));
const { env } = process;
const pause = (seconds) => new Promise((resolve) => setTimeout(resolve, 1000 * seconds));

// Read to its end: on a pipe that is closed before, n8n spins for ever.
const n8n = (...words) =>
  new Promise((resolve, reject) => {
    const command = spawn("n8n", words, { timeout: 300000, stdio: ["ignore", "pipe", "inherit"] });
    let said = "";
    command.stdout.setEncoding("utf8").on("data", (part) => { said += part; });
    command.on("error", reject);
    command.on("close", (status, signal) => {
      // Ended by the timeout, it may say 0.
      if (status === 0 && !command.killed) resolve(said);
      else reject(new Error(`expected n8n ${words[0]} to end with 0; it ended with ${status ?? signal}`));
    });
  });

const askOnce = async (path) => {
  const headers = { api_access_token: env.CHATWOOT_API_TOKEN, "x-forwarded-proto": "https" };
  const answer = await fetch(CHATWOOT + path, { headers, redirect: "manual", signal: AbortSignal.timeout(20000) });
  const final = answer.status < 500;
  if (!answer.ok) throw Object.assign(new Error(`Chatwoot answered ${answer.status}`), { final });
  return answer.json();
};

// It may be starting beside this.
const ask = async (path) => {
  for (const started = Date.now(); ; await pause(0.5)) {
    try {
      return await askOnce(path);
    } catch (error) {
      const why = error.cause?.code ?? error.message;
      if (error.final || Date.now() - started > 1000 * wanted.patience) throw new Error(`expected 200 for ${path}; saw: ${why}`);
    }
  }
};

// The inbox is known by its name and by the address that the deploy gave it.
const findInbox = async () => {
  const { accounts } = await ask("/api/v1/profile");
  for (const account of accounts) {
    const { payload } = await ask(`/api/v1/accounts/${account.id}/inboxes`);
    const inbox = payload.find((one) => one.name === wanted.inbox && one.webhook_url === wanted.replyUrl);
    if (inbox) return { account: account.id, inbox: inbox.id };
  }
  throw new Error(`expected an inbox ${wanted.inbox} whose webhook is n8n; Chatwoot has none`);
};

const filled = (text, marks) => {
  const done = Object.entries(marks).reduce((all, [mark, value]) => all.replaceAll(`@@${mark}@@`, value), text);
  const left = done.match(/@@[A-Z_]+@@/);
  if (left) throw new Error(`expected every mark to be filled in; ${left[0]} is left`);
  return done;
};

const write = (name, text) => writeFileSync(`/tmp/import/${name}`, text, { mode: 0o600 });

// The first of n8n's commands also brings its tables about: none may run beside it.
const importCredentials = async () => {
  const marks = {
    CHATWOOT_TOKEN: env.CHATWOOT_API_TOKEN,
    EVOLUTION_KEY: env.EVOLUTION_API_KEY,
    BRIDGE_SECRET: env.WHATSAPP_BRIDGE_SECRET,
  };
  mkdirSync("/tmp/import/workflows", { recursive: true, mode: 0o700 });
  write("credentials.json", filled(readFileSync(`${FOLDER}/credentials.json`, "utf8"), marks));
  await n8n("import:credentials", "--input=/tmp/import/credentials.json");
};

const importWorkflows = async ({ account, inbox }) => {
  const listed = wanted.workflows.some((one) => one.own) ? await n8n("list:workflow", "--onlyId") : "";
  const there = listed.split(/\s+/);
  const due = wanted.workflows.filter((one) => !(one.own && there.includes(one.id)));
  for (const { file } of due) {
    const text = readFileSync(`${FOLDER}/workflows/${file}`, "utf8");
    const workflow = JSON.parse(filled(text, { ACCOUNT_ID: account, INBOX_ID: inbox }));
    write(`workflows/${file}`, JSON.stringify({ ...workflow, isArchived: false }));
  }
  if (due.length) await n8n("import:workflow", "--separate", "--input=/tmp/import/workflows/");
  // For an id that is not there it ends well, too; the deploy looks at the database afterwards.
  for (const { id } of due.filter((one) => one.activate)) await n8n("update:workflow", `--id=${id}`, "--active=true");
  return due.length;
};

const main = async () => {
  await importCredentials();
  const count = await importWorkflows(await findInbox());
  console.log(`prepare: imported credentials and ${count} workflows`);
};

main().catch((error) => {
  console.error(`prepare: ${error.message}`);
  process.exitCode = 1;
});
