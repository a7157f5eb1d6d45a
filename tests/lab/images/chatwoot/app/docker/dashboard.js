// The dashboard as small as a person can use it: a login, the open conversations, an answer. It asks what
// upstream's dashboard asks (facts 8): sign-in by devise-token-auth, whose headers stay in the same cookie, the
// conversations and messages of the account, and the websocket for what is new.
const COOKIE = 'cw_d_session_info';
const SESSION = ['access-token', 'token-type', 'client', 'uid', 'expiry'];
let account, open;

function session() {
  const kept = document.cookie.split('; ').find(one => one.startsWith(`${COOKIE}=`));
  return kept ? JSON.parse(decodeURIComponent(kept.slice(COOKIE.length + 1))) : {};
}

function ask(path, body) {
  const headers = { 'Content-Type': 'application/json', ...session() };
  return fetch(path, body ? { method: 'POST', headers, body: JSON.stringify(body) } : { headers });
}

async function asked(path, body) {
  const answer = await ask(`/api/v1/accounts/${account}/${path}`, body);
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  return answer.json();
}

// Text is never read as HTML: customers write it.
function element(name, attributes = {}, ...children) {
  const made = Object.assign(document.createElement(name), attributes);
  made.append(...children);
  return made;
}

function show(...parts) {
  app.replaceChildren(element('h1', { textContent: app.dataset.name }), ...parts);
}

function login() {
  const email = element('input', { type: 'email', name: 'email_address', required: true });
  const password = element('input', { type: 'password', name: 'password', required: true });
  const error = element('p', { role: 'alert' });
  const form = element('form', {}, email, password, element('button', { type: 'submit', textContent: 'Login' }), error);
  form.addEventListener('submit', async event => {
    event.preventDefault();
    const answer = await ask('/auth/sign_in', { email: email.value, password: password.value });
    const said = await answer.json();
    if (!answer.ok) return void (error.textContent = said.errors.join(', '));
    const kept = Object.fromEntries(SESSION.map(name => [name, answer.headers.get(name)]));
    document.cookie = `${COOKIE}=${encodeURIComponent(JSON.stringify(kept))}; path=/; secure; samesite=lax`;
    dashboard(said.data);
  });
  show(form);
}

async function list() {
  const found = (await asked('conversations?status=open&assignee_type=all&page=1')).data.payload;
  const shown = found.map(one => element('li', { className: 'conversation', onclick: () => enter(one.id) },
    element('b', { textContent: one.meta.sender.name }), ' ',
    element('span', { textContent: one.last_non_activity_message?.content ?? '' })));
  document.querySelector('.conversations').replaceChildren(...shown);
}

async function messages() {
  const found = (await asked(`conversations/${open}/messages`)).payload;
  const shown = found.map(one => element('li', { className: 'message', textContent: one.content }));
  document.querySelector('.conversation-panel').replaceChildren(...shown);
}

async function enter(id) {
  open = id;
  history.pushState({}, '', `/app/accounts/${account}/conversations/${id}`);
  const text = element('textarea');
  const box = element('form', { className: 'reply-box' }, text, element('button', { type: 'submit', textContent: 'Send' }));
  box.addEventListener('submit', async event => {
    event.preventDefault();
    await asked(`conversations/${id}/messages`, { content: text.value, private: false, echo_id: crypto.randomUUID() });
    text.value = '';
    await messages();
  });
  document.querySelector('main').replaceChildren(element('ul', { className: 'conversation-panel' }), box);
  await messages();
}

function watch(user) {
  const socket = new WebSocket(`wss://${location.host}/cable`, ['actioncable-v1-json']);
  const identifier = JSON.stringify(
    { channel: 'RoomChannel', pubsub_token: user.pubsub_token, account_id: account, user_id: user.id });
  socket.onopen = () => socket.send(JSON.stringify({ command: 'subscribe', identifier }));
  socket.onmessage = ({ data }) => {
    if (!/^(message|conversation)\./.test(JSON.parse(data).message?.event ?? '')) return;
    list();
    if (open) messages();
  };
}

async function dashboard(user) {
  account = user.account_id;
  history.pushState({}, '', `/app/accounts/${account}/dashboard`);
  show(element('p', { textContent: user.name }), element('ul', { className: 'conversations' }), element('main'));
  watch(user);
  await list();
}

async function begin() {
  app.dataset.name = app.textContent;
  const answer = session().uid ? await ask('/auth/validate_token') : null;
  if (answer?.ok) dashboard((await answer.json()).payload.data);
  else login();
}

if (app) begin();
