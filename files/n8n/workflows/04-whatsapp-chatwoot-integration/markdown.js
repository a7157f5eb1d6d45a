// Chatwoot shows every message as Markdown (markdown-it, line breaks kept, no HTML). WhatsApp's marks become
// Markdown's; what a customer typed and Markdown alone would take for a mark gets a backslash.
// Lists with dashes and quotations are the same in both. Code and addresses stay as they are.
const LETTER = '[\\p{L}\\p{N}]';
// Private characters stand for what is done, so that nothing is done to it twice.
const DONE = { '**': '\ue000', '*': '\ue001', '~~': '\ue002' };
const FIRST_KEPT = 0xe100;
const MOST_KEPT = 0xf8ff - FIRST_KEPT + 1; // beyond that it is shown as it was typed
const PRIVATE = /[\ue000-\uf8ff]/g;

// An opening fence takes the rest of its line away, and a closing one stands alone.
function fenced(block, at, all) {
  if (!block.includes('\n')) return block;
  const before = at && all[at - 1] !== '\n' ? '\n' : '';
  const after = /^(\n|$)/.test(all.slice(at + block.length)) ? '' : '\n';
  return `${before}\`\`\`\n${block.slice(3, -3).replace(/^\n|\n$/g, '')}\n\`\`\`${after}`;
}
const linked = (address) => (/[*`\\]|\b_|_\b|~~/.test(address) ? `<${address}>` : address);
function withoutMarks(text) {
  for (const [from, to] of [['*', '**'], ['_', '*'], ['~', '~~']]) {
    const pair = new RegExp(
      `(?<!${LETTER}|[${from}])[${from}](?=[^\\s${from}])([^\\n${from}]*[^\\s${from}])[${from}](?!${LETTER}|[${from}])`, 'gu');
    text = text.replace(pair, (_, inner) => DONE[to] + inner + DONE[to]);
  }
  return text;
}
const withBackslashes = (text) => text
  .replace(/\\(?=[!-/:-@[-`{-~\n\ue000-\uf8ff]|$)/g, '\\\\')
  .replace(/(?<=\S)\*|\*(?=\S)|(?<=~)~|~(?=~)|(?<![\p{L}\p{N}])_(?=\S)|(?<=\S)_(?![\p{L}\p{N}])|`/gu, '\\$&')
  .replace(/&(?=#?\w+;)/g, '\\&')
  .replace(/<(?=[\ue100-\uf8ff]|[a-z][\w+.-]*:|[^\s<>]+@)/gi, '\\<')
  .replace(/(?<=^|[\]\n])[^\]\n]*\](?=\s*[(:[])/g, (upToEnd) => upToEnd.replaceAll('[', '\\['));
// What makes a heading, a table, a rule or code of a line. Numbers stay what was typed: a list counts anew.
// A line of nothing but marks is no list of lists.
const DEEPEST = 9;
function asLine(text, depth) {
  const [, mark, rest] = (depth < DEEPEST && text.match(/^([>*-])[ \t]+(?![-=_*|: ]*$)(.*)$/)) || [];
  if (mark) return `${mark} ${asLine(rest, depth + 1)}`;
  return text
    .replace(/^(\s*)([-=*|:][-=_*|: ]*)$/, '$1\\$2')
    .replace(/^(\s*)(#{1,6}(?=\s|$)|\+(?=\s|$)|>(?=\S))/, '$1\\$2')
    .replace(/^(\s*[0-9]{1,9})([.)])(?=\s|$)/, '$1\\$2')
    .replace(/^(?: {4,}|\s*\t\s*)/, (blanks) => blanks.replaceAll('\t', '    ').replaceAll(' ', '\u00a0'));
}

function markdown(text) {
  const stored = [];
  const keep = (part, as) => (stored.length < MOST_KEPT ? String.fromCharCode(FIRST_KEPT + stored.push(part) - 1) : as);
  const typed = whole(text).replace(PRIVATE, '')
    .replace(/```[^]+?```|`[^`\n]+`/g, (block, at, all) => keep(fenced(block, at, all), block))
    .replace(/(https?:\/\/[^\s<>"\ue000-\uf8ff]*[^\s<>"\ue000-\uf8ff.,;:!?)\]'*_~])/g, (address) => keep(linked(address), address));
  const shown = withBackslashes(withoutMarks(typed)).split('\n').map((line) => asLine(line, 0)).join('\n')
    .replace(/^(> .*)\n(?!>|\n|$)/gm, '$1\n\n');
  const back = (one) => Object.keys(DONE).find((mark) => DONE[mark] === one) ?? stored[one.charCodeAt(0) - FIRST_KEPT];
  return shown.replace(PRIVATE, back);
}
