// Runs in the one-shot container n8n-prepare, beside the n8n that may be at work: fills in what only
// this server knows, and imports credentials and workflows by their fixed ids. Running it again
// changes nothing. What is imported is served at once; a new address, when n8n starts.
"use strict";
const { execFileSync } = require("node:child_process");
const { mkdirSync, readFileSync, writeFileSync } = require("node:fs");

const FOLDER = "/etc/borgstack";
const CHATWOOT = "http://chatwoot:3000";
const wanted = JSON.parse(readFileSync(`${FOLDER}/preparation.json`, "utf8"));
const { env } = process;

// Read to its end: on a pipe that is closed before, n8n spins for ever.
const n8n = (...words) =>
  execFileSync("n8n", words, { encoding: "utf8", timeout: 300000, stdio: ["ignore", "pipe", "inherit"] });

const ask = async (path) => {
  const headers = { api_access_token: env.CHATWOOT_API_TOKEN, "x-forwarded-proto": "https" };
  const answer = await fetch(CHATWOOT + path, { headers, redirect: "manual", signal: AbortSignal.timeout(20000) });
  if (!answer.ok) throw new Error(`expected 200 for ${path}; Chatwoot answered ${answer.status}`);
  return answer.json();
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

const importAll = (marks) => {
  const credentials = {
    CHATWOOT_TOKEN: env.CHATWOOT_API_TOKEN,
    EVOLUTION_KEY: env.EVOLUTION_API_KEY,
    BRIDGE_SECRET: env.WHATSAPP_BRIDGE_SECRET,
  };
  mkdirSync("/tmp/import/workflows", { recursive: true, mode: 0o700 });
  const secrets = filled(readFileSync(`${FOLDER}/credentials.json`, "utf8"), credentials);
  writeFileSync("/tmp/import/credentials.json", secrets, { mode: 0o600 });
  n8n("import:credentials", "--input=/tmp/import/credentials.json");

  const there = wanted.workflows.some((one) => one.own) ? n8n("list:workflow", "--onlyId").split(/\s+/) : [];
  const due = wanted.workflows.filter((one) => !(one.own && there.includes(one.id)));
  for (const { file } of due) {
    const text = filled(readFileSync(`${FOLDER}/workflows/${file}`, "utf8"), marks);
    const workflow = { ...JSON.parse(text), isArchived: false };
    writeFileSync(`/tmp/import/workflows/${file}`, JSON.stringify(workflow), { mode: 0o600 });
  }
  if (due.length) n8n("import:workflow", "--separate", "--input=/tmp/import/workflows/");
  // For an id that is not there it ends well, too; the deploy looks at the database afterwards.
  for (const { id } of due.filter((one) => one.activate)) n8n("update:workflow", `--id=${id}`, "--active=true");
  console.log(`prepare: imported credentials and ${due.length} workflows`);
};

findInbox()
  .then(({ account, inbox }) => importAll({ ACCOUNT_ID: account, INBOX_ID: inbox }))
  .catch((error) => {
    console.error(`prepare: ${error.message}`);
    process.exitCode = 1;
  });
