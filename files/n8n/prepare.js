// Runs in the one-shot container n8n-prepare, beside the n8n that may be at work: fills in what only
// this server knows, the secrets of its environment and the numbers that the deploy has read in
// Chatwoot's database, and imports credentials and workflows by their fixed ids. Running it again
// changes nothing. What is imported is served at once; a new address, when n8n starts.
"use strict";
const { spawn } = require("node:child_process");
const { mkdirSync, readFileSync, writeFileSync } = require("node:fs");

const FOLDER = "/etc/borgstack";
const { workflows } = JSON.parse(readFileSync(`${FOLDER}/preparation.json`, "utf8"));
const { env } = process;

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

const filled = (text, marks) => {
  const done = Object.entries(marks).reduce((all, [mark, value]) => all.replaceAll(`@@${mark}@@`, value), text);
  const left = done.match(/@@[A-Z_]+@@/);
  if (left) throw new Error(`expected every mark to be filled in; ${left[0]} is left`);
  return done;
};

const readNumbers = () => {
  const path = `${FOLDER}/numbers.json`;
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    throw new Error(`expected the numbers of account and inbox in ${path}; saw: ${error.message}; run the deploy`);
  }
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
  const listed = workflows.some((one) => one.own) ? await n8n("list:workflow", "--onlyId") : "";
  const there = listed.split(/\s+/);
  const due = workflows.filter((one) => !(one.own && there.includes(one.id)));
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
  const numbers = readNumbers();
  await importCredentials();
  const count = await importWorkflows(numbers);
  console.log(`prepare: imported credentials and ${count} workflows`);
};

main().catch((error) => {
  console.error(`prepare: ${error.message}`);
  process.exitCode = 1;
});
