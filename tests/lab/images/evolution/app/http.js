'use strict';
// A small router, and the original's shape of an error.

const http = require('http');
const multipart = require('./multipart');

const LIMIT = 136 * 1024 * 1024;
const NAMES = { 400: 'Bad Request', 401: 'Unauthorized', 403: 'Forbidden', 404: 'Not Found', 413: 'Payload Too Large' };

class Refusal extends Error {
  constructor(status, ...message) {
    super(String(message[0]));
    this.status = status;
    this.said = message.length ? message : NAMES[status];
  }
}

/** What is answered for an instance that is not loaded yet (facts 6.2). */
const EARLY = [
  [/^\/instance\/connectionState\//, ({ name }) => ({ instance: { instanceName: name } })],
  [/^\/(webhook|settings)\/find\//, () => null],
  [/^\/instance\/(connect|restart)\//, () => ({ error: true, message: '[object Object]' })],
];
class Early extends Error {
  constructor(call) {
    const found = EARLY.find(([pattern]) => pattern.test(call.path));
    super('Cannot read properties of undefined');
    this.status = found ? 200 : 500;
    this.answer = found && found[1](call);
  }
}

/** An error that the original did not foresee: 500, and its bare text. */
const body = (error) => {
  const status = error.status || 500;
  return { status, error: NAMES[status] || 'Internal Server Error', response: { message: error.said || error.message } };
};

const routes = [];
/** A path's words after a colon are parameters; `guards` run before the handler, in their order. */
function route(method, path, handler, { guards = [], status = 200 } = {}) {
  const names = [...path.matchAll(/:(\w+)/g)].map((found) => found[1]);
  routes.push({ method, pattern: new RegExp(`^${path.replace(/:\w+/g, '([^/]+)')}/?$`), names, handler, guards, status });
}

function read(request) {
  return new Promise((resolve, reject) => {
    const parts = [];
    let size = 0;
    request.on('data', (part) => {
      size += part.length;
      if (size > LIMIT) reject(new Refusal(413, 'request entity too large'));
      else parts.push(part);
    });
    request.on('error', reject);
    request.on('end', () => {
      const raw = Buffer.concat(parts);
      const type = request.headers['content-type'] || '';
      try {
        if (/multipart/.test(type)) resolve(multipart.parse(raw, type));
        else resolve({ fields: /json/.test(type) && raw.length ? JSON.parse(raw.toString()) : {} });
      } catch (error) {
        reject(new Refusal(400, error.message));
      }
    });
  });
}

async function answer(request) {
  const url = new URL(request.url, 'http://double');
  const { fields: body, file } = await read(request);
  for (const one of routes) {
    const found = one.method === request.method && one.pattern.exec(url.pathname);
    if (!found) continue;
    const parameters = Object.fromEntries(one.names.map((name, index) => [name, decodeURIComponent(found[index + 1])]));
    const call = { ...parameters, path: url.pathname, query: Object.fromEntries(url.searchParams), body, file, headers: request.headers };
    for (const guard of one.guards) await guard(call);
    return [one.status, await one.handler(call)];
  }
  throw new Refusal(404, `Cannot ${request.method} ${request.url}`);
}

function send(response, status, value) {
  const page = typeof value === 'string';
  response.writeHead(status, { 'Content-Type': page ? 'text/html; charset=utf-8' : 'application/json; charset=utf-8' });
  response.end(page || value === undefined ? value : JSON.stringify(value));
}

function serve(port, ready) {
  const server = http.createServer((request, response) => {
    answer(request).then(
      ([status, value]) => send(response, status, value),
      (error) => {
        if (!error.status) console.error(error.stack);
        send(response, error.status || 500, error.status === 200 ? error.answer : body(error));
      },
    );
  });
  server.requestTimeout = 0;
  server.listen(port, ready);
}

module.exports = { Early, Refusal, route, serve };
