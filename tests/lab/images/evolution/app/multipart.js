'use strict';
// A form with a file, as multer reads it: fields are texts, `a[b][c]` lies deeper, `file` is the one file.

/** Sets a field by the path that its name says. */
function set(fields, name, value) {
  const steps = [name.split('[')[0], ...[...name.matchAll(/\[([^\]]*)\]/g)].map((found) => found[1])];
  const last = steps.pop();
  const place = steps.reduce((inner, step) => (inner[step] ??= {}), fields);
  place[last] = value;
}

/** Returns the fields, and the file under `file`. */
function parse(raw, type) {
  const boundary = Buffer.from(`--${/boundary="?([^";]+)/.exec(type)[1]}`);
  const fields = {};
  let file;
  for (let at = raw.indexOf(boundary); ; ) {
    const next = raw.indexOf(boundary, at + boundary.length);
    if (next < 0) return { fields, file };
    const part = raw.subarray(at + boundary.length + 2, next - 2);
    const end = part.indexOf('\r\n\r\n');
    const head = part.subarray(0, end).toString();
    const [, name] = /[; ]name="([^"]*)"/i.exec(head);
    const content = part.subarray(end + 4);
    if (/filename\*?=/i.test(head)) file = { buffer: content };
    else set(fields, name, content.toString());
    at = next;
  }
}

module.exports = { parse };
