// What the agent wrote is Markdown for Chatwoot, and is shown so; WhatsApp has marks of its own.
// What must stay as it is (code, addresses, escaped signs) is held back under a number between NULs,
// which PostgreSQL's texts cannot hold; finished marks are \u0001 (bold), \u0002 (italic), \u0003 (struck).
const held = [];
const hold = (text) => `\u0000${held.push(text) - 1}\u0000`;
const restore = (text) => {
  const once = text.replace(/\u0000(\d+)\u0000/g, (_, number) => held[number]);
  return once === text ? text : restore(once);
};
const bare = (address) => address.replace(/^(https?:\/\/|mailto:|tel:)/, '').replace(/\/$/, '');

function holdBack(text) {
  const FENCE = '^```[^`\\n]*\\n([^]*?\\n)```(?=\\n|$)'; // 1: without the language, which WhatsApp would show
  const CODE = '(?<!`)(`+)(?!`)[^]{0,4000}?[^`]\\2(?!`)'; // 2: its ticks
  const ESCAPED = '\\\\(\\n|[!-/:-@\\[-`{-~])'; // 3
  const ADDRESS = '<((?:https?://|mailto:)[^\\s<>]+|[^\\s<>@/]+@[^\\s<>@/]+)>'; // 4
  return text.replace(new RegExp([FENCE, CODE, ESCAPED, ADDRESS].join('|'), 'gm'),
    (all, block, ticks, sign, address) => hold(
      block !== undefined ? `\`\`\`\n${block}\`\`\`` : sign ?? address?.replace(/^mailto:/, '') ?? all));
}

function links(text) {
  const LINK = /!?\[((?:[^[\]]|\[[^[\]]*\])*)\]\(\s*(?!\s)((?:[^()\s]|\([^()\s]*\))*)(?:\s+(?:"[^"]*"|'[^']*'))?\s*\)/g;
  return text
    .replace(LINK, (all, label, address) => {
      if (!address) return all;
      if (address.startsWith('mention:')) return label;
      const shown = restore(address).replace(/^(mailto|tel):/, '');
      return !label || bare(restore(label)) === bare(restore(address)) ? hold(shown) : `${label}: ${hold(shown)}`;
    })
    .replace(/\b(?:https?:\/\/|www\.)[^\s<>\u0000]*[^\s<>\u0000.,;:!?'")\]*_~]/g, hold);
}

function blocks(text) {
  return text
    .replace(/^([^\S\n\r\u2028\u2029]*)[*+-][ \t]+(?=\S)/gm, '$1- ')
    .replace(/^([^\S\n\r\u2028\u2029]*\d{1,9})[.)][ \t]+(?=\S)/gm, '$1. ')
    .replace(/^ {0,3}#{1,6}[ \t]+(.*?)(?:[ \t]+#+)?[ \t]*$/gm, (_, title) => `\u0001${title.replace(/\*\*|__/g, '')}\u0001`);
}

// WhatsApp's marks hold for a line and stand at the edges of words, as those of Markdown mostly do. What is
// longer than a screen is no emphasis, and looking for its end would take seconds.
const marked = (text, mark, shown, within = '[^]', after = mark.at(-1)) => text.replace(
  new RegExp(`(?<![\\p{L}\\p{N}])${mark}(?![\\s${mark.at(-1)}])((?:(?!\\n\\s*\\n)${within}){1,2000}?)(?<!\\s)${mark}(?![\\p{L}\\p{N}${after}])`, 'gu'),
  (_, inner) => inner.replace(/[^\s].*/g, (line) => shown + line.trimEnd() + [...shown].reverse().join('')));

function emphasis(text) {
  const PAIRS = '(?:[^*]|\\*[^*]+\\*)'; // three stars at an end: whose are they?
  const MARKS = [
    ['\\*\\*\\*', '\u0001\u0002'], ['___', '\u0001\u0002'], ['\\*\\*', '\u0001', PAIRS, ''], ['\\*\\*', '\u0001'], ['__', '\u0001'],
    ['~~', '\u0003'], ['\\*', '\u0002'],
  ];
  return MARKS.reduce((done, mark) => marked(done, ...mark), text);
}

const translated = (text) => restore(emphasis(blocks(links(holdBack(text)))))
  .replaceAll('\u0001', '*').replaceAll('\u0002', '_').replaceAll('\u0003', '~');
const message = $input.first().json;
return [{ json: { ...message, content: message.content && translated(message.content) } }];
