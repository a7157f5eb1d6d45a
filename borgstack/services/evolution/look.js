// The phone as Evolution has it, in one line `phone JSON`; borgstack/bridge.py reads it. Of its number
// the last four digits alone leave this process.
// Of one that is still being loaded it says nothing.
// Usage: node -e … INSTANCE
@evolution_api.js@
const [instance] = process.argv.slice(1);

(async () => {
  const found = await find(instance);
  if (!found) return console.log("phone {}");
  // The row in its database is late; this is how it is now.
  const state = await stateWithin(5, instance);
  if (!state) return;
  const since = { open: found.updatedAt, close: found.disconnectionAt }[state] ?? null;
  console.log(`phone ${JSON.stringify({ state, number: ending(found), since })}`);
})();
