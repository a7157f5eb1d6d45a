// Which of the contacts that Chatwoot found is this person, and what is to be put right in it.
const { jid, lid, phones, phone, name, named } = $('Read message').first().json;
const found = $input.first().json.payload ?? [];
const addresses = [jid, ...phones.map((one) => `${one.slice(1)}@s.whatsapp.net`)];
const by = (field, value) => value && found.find((one) => one[field] === value);
const contact = by('identifier', jid) || phones.map((one) => by('phone_number', one)).find(Boolean)
  || addresses.map((one) => by('identifier', one)).find(Boolean) || by('identifier', lid) || null;
if (!contact) return [{ json: { contact, change: null } }];

const change = {};
const free = (field, value) => value && !by(field, value);
const { identifier, phone_number: known } = contact;
// A hidden address may come without its number one day: then the contact is found by nothing else.
if (free('identifier', lid) && (!identifier || addresses.includes(identifier))) change.identifier = lid;
else if (!identifier && free('identifier', jid)) change.identifier = jid;
const lacksTheNinth = phones.includes(known) && known.length < phone.length;
if ((!known || lacksTheNinth) && free('phone_number', phone)) change.phone_number = phone;
// The owner wrote first, when nobody had said a name.
if (named && /^\+?[0-9]+$/.test(contact.name)) change.name = name;
return [{ json: { contact, change: Object.keys(change).length ? change : null } }];
