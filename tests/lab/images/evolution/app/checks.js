'use strict';
// What the original accepts as a URL, as base64 and as a number.

const net = require('net');

/** Tells whether a text is a web address; without `bare` its host needs a dot and a top-level domain. */
function isURL(value, { bare = false } = {}) {
  if (typeof value !== 'string' || /\s/.test(value)) return false;
  const found = /^(?:https?:\/\/)?(?:[^@/]*@)?(\[[0-9a-f:.]+\]|[^:/?#]+)(?::(\d{1,5}))?(?:[/?#].*)?$/i.exec(value);
  if (!found || Number(found[2] || 1) > 65535) return false;
  const host = found[1].replace(/^\[|\]$/g, '');
  if (net.isIP(host)) return true;
  const parts = host.split('.');
  if (!parts.every((part) => /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/i.test(part))) return false;
  return bare || (parts.length > 1 && /^[a-z]{2,}$/i.test(parts[parts.length - 1]));
}

function isBase64(value) {
  return typeof value === 'string' && value !== '' && value.length % 4 === 0 && /^[A-Za-z0-9+/]+={0,2}$/.test(value);
}

/** Brazil's ninth digit goes for area codes from 31 on, Mexico's and Argentina's third digit goes. */
function rewritten(digits) {
  if (/^5[24]\d{11}$/.test(digits)) return digits.slice(0, 2) + digits.slice(3);
  const brazil = /^55(\d{2})\d(\d{8})$/.exec(digits);
  if (!brazil || Number(brazil[1]) < 31 || Number(brazil[2][0]) < 7) return digits;
  return `55${brazil[1]}${brazil[2]}`;
}

/** A full JID stays as it is; 18 digits and more are taken for a group. */
function jidOf(number) {
  if (/@(g\.us|s\.whatsapp\.net|lid|broadcast)/.test(number)) return number;
  const digits = number.split(/[:@]/)[0].replace(/\D/g, '');
  return digits.length >= 18 ? `${digits}@g.us` : `${rewritten(digits)}@s.whatsapp.net`;
}

module.exports = { isURL, isBase64, jidOf };
