// One person's number in all its forms: Brazilian mobiles with and without the ninth digit, Mexico's with
// and without the 1, Argentina's with and without the 9. The first is the one that a contact gets.
function forms(digits) {
  const brazil = digits.match(/^55([1-9][0-9])9?([6-9][0-9]{7})$/);
  if (brazil) return [`55${brazil[1]}9${brazil[2]}`, `55${brazil[1]}${brazil[2]}`];
  const mexico = digits.match(/^521?([0-9]{10})$/);
  if (mexico) return [`52${mexico[1]}`, `521${mexico[1]}`];
  const argentina = digits.match(/^549?([0-9]{10})$/);
  if (argentina) return [digits, ...[`549${argentina[1]}`, `54${argentina[1]}`].filter((one) => one !== digits)];
  return /^[1-9][0-9]{6,14}$/.test(digits) ? [digits] : [];
}
// Who it is about: the address to answer to, the hidden one if there is one, the numbers.
function person(key) {
  const bare = (jid) => String(jid ?? '').replace(/:[0-9]+(?=@)/, '');
  // Of what was written on the phone, the sender is the phone itself.
  const beside = [key.remoteJidAlt, key.previousRemoteJid, key.fromMe ? null : key.senderPn];
  const jids = [key.remoteJid, ...beside].map(bare);
  const jid = jids.find((one) => /^[1-9][0-9]{6,14}@s\.whatsapp\.net$/.test(one)) ?? jids[0];
  const [digits, server] = jid.split('@');
  const numbers = server === 's.whatsapp.net' ? forms(digits) : [];
  const lid = jids.find((one) => one.endsWith('@lid')) ?? null;
  return { jid, lid, digits, server: jids[0].split('@')[1] ?? '', phones: numbers.map((one) => `+${one}`) };
}
// Chatwoot's filter takes one value a row, and puts the plus before a phone number itself.
function whoToLookFor({ jid, lid, phones }) {
  const rows = [
    ...new Set([jid, ...phones.map((one) => `${one.slice(1)}@s.whatsapp.net`), ...(lid ? [lid] : [])]),
  ].map((value) => ['identifier', value]);
  rows.push(...phones.map((one) => ['phone_number', one.slice(1)]));
  return rows.map(([attribute_key, value], index) => ({
    attribute_key, filter_operator: 'equal_to', values: [value], query_operator: index < rows.length - 1 ? 'OR' : null,
  }));
}
