'use strict';
// One instance: its connection to WhatsApp, from the QR code to a phone that unlinks it.

const crypto = require('crypto');
const database = require('./database');
const keys = require('./keys');
const settings = require('./settings');
const webhooks = require('./webhooks');
const { jidOf } = require('./checks');

// One grey pixel: the code's picture is not there to be scanned.
const PICTURE =
  'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNoAAAAggCBd81ytgAAAABJRU5ErkJggg==';
const LINK_LOST = 401;

const random = (bytes) => crypto.randomBytes(bytes).toString('base64');
const sleep = (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));

class Instance {
  constructor(row) {
    Object.assign(this, { id: row.id, name: row.name, integration: row.integration, number: row.number, token: row.token });
    this.state = this.isWhatsApp ? 'close' : 'open';
    this.owner = row.ownerJid;
    this.qr = { count: 0 };
    this.base64 = false;
    this.waiting = [];
  }

  get isWhatsApp() {
    return this.integration === 'WHATSAPP-BAILEYS';
  }

  emit(event, data) {
    webhooks.emit(this, event, data);
  }

  async changed(state, statusReason, more = {}) {
    this.state = state;
    await database.row('UPDATE "Instance" SET "connectionStatus" = $2 WHERE id = $1', this.id, state);
    this.emit('connection.update', { instance: this.name, ...more, state, statusReason });
  }

  /** Asks WhatsApp: a paired instance opens, another waits for its QR code to be scanned. */
  async connect(phone = null) {
    const webhook = await webhooks.of(this.id);
    this.base64 = Boolean(webhook && webhook.enabled && webhook.webhookBase64);
    const session = await database.row('SELECT creds FROM "Session" WHERE "sessionId" = $1', this.id);
    if (session && !(await keys.present(this.id))) return this.changed('close', 500);
    await this.changed('connecting', settings.staleVersion() ? 405 : 200);
    if (session) return this.open();
    if (settings.staleVersion()) return undefined;
    return this.showCode(phone);
  }

  async showCode(phone) {
    clearTimeout(this.timer);
    if (this.state !== 'connecting') return;
    if (this.qr.count >= settings.number('QRCODE_LIMIT', 30)) {
      this.emit('qrcode.updated', { message: 'QR code limit reached, please login again', statusCode: 428 });
      this.qr = { count: 0 };
      await this.changed('close', 428);
      return;
    }
    const pairingCode = phone ? crypto.randomBytes(5).toString('hex').slice(0, 8).toUpperCase() : null;
    const code = `2@${random(84)},${random(32)},${random(32)},${random(32)}`;
    this.qr = { pairingCode, code, base64: PICTURE, count: this.qr.count + 1 };
    const { count, ...shown } = this.qr;
    this.emit('qrcode.updated', { qrcode: { instance: this.name, ...shown } });
    this.timer = setTimeout(() => this.showCode(phone), settings.qrSeconds() * 1000).unref();
  }

  /** The phone has scanned the code, as `POST /double/scan` says. */
  async scanned(number, profile) {
    this.owner = jidOf(number);
    await database.row('UPDATE "Instance" SET "ownerJid" = $2, "profileName" = $3 WHERE id = $1', this.id, this.owner, profile);
    const creds = { me: { id: this.owner, name: profile } };
    await database.upsert('Session', 'sessionId', { id: crypto.randomUUID(), sessionId: this.id, creds });
    await keys.save(this.id);
    await this.open();
  }

  async open() {
    clearTimeout(this.timer);
    const { profileName } = await database.row('SELECT "profileName" FROM "Instance" WHERE id = $1', this.id);
    await this.changed('open', 200, { wuid: this.owner, profileName, profilePictureUrl: null });
    for (const receive of this.waiting.splice(0)) await receive();
  }

  /** The link is gone, by a logout or by the phone: keys too, so that only a new code helps. */
  async unlink() {
    clearTimeout(this.timer); // the last code stays, dead (facts 6)
    if (!this.isWhatsApp) return this.changed('close', LINK_LOST);
    await database.row('DELETE FROM "Session" WHERE "sessionId" = $1', this.id);
    await keys.remove(this.id);
    await database.row(
      'UPDATE "Instance" SET "disconnectionReasonCode" = $2, "disconnectionAt" = now() WHERE id = $1', this.id, LINK_LOST,
    );
    this.emit('status.instance', { instance: this.name, status: 'closed', disconnectionReasonCode: LINK_LOST });
    return this.changed('close', LINK_LOST);
  }
}

module.exports = { Instance, sleep };
