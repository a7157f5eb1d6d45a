'use strict';
// PostgreSQL: the tables that a deployer may look at, under the original's names.

const { Pool } = require('pg');
const { text } = require('./settings');

const uri = new URL(text('DATABASE_CONNECTION_URI'));
const schema = uri.searchParams.get('schema') || 'public';
uri.search = '';
const quoted = `"${schema.replace(/"/g, '""')}"`;
const pool = new Pool({ connectionString: uri.href, options: `-c search_path=${quoted}` });
pool.on('error', (error) => console.error('database:', error.message));

const TABLES = `
CREATE SCHEMA IF NOT EXISTS ${quoted};
CREATE TABLE IF NOT EXISTS _prisma_migrations (migration_name text PRIMARY KEY, finished_at timestamptz);
CREATE TABLE IF NOT EXISTS "Instance" (
  id text PRIMARY KEY, name text NOT NULL UNIQUE, "connectionStatus" text NOT NULL DEFAULT 'open', "ownerJid" text,
  "profileName" text, "profilePicUrl" text, integration text, number text, "businessId" text, token text,
  "clientName" text, "disconnectionReasonCode" integer, "disconnectionObject" jsonb, "disconnectionAt" timestamp,
  "createdAt" timestamp NOT NULL DEFAULT now(), "updatedAt" timestamp NOT NULL DEFAULT now());
CREATE TABLE IF NOT EXISTS "Session" (
  id text PRIMARY KEY, "sessionId" text NOT NULL UNIQUE REFERENCES "Instance" ON DELETE CASCADE, creds text,
  "createdAt" timestamp NOT NULL DEFAULT now());
CREATE TABLE IF NOT EXISTS "Webhook" (
  id text PRIMARY KEY, url text NOT NULL, headers jsonb, enabled boolean DEFAULT true, events jsonb,
  "webhookByEvents" boolean DEFAULT false, "webhookBase64" boolean DEFAULT false,
  "createdAt" timestamp NOT NULL DEFAULT now(), "updatedAt" timestamp NOT NULL DEFAULT now(),
  "instanceId" text NOT NULL UNIQUE REFERENCES "Instance" ON DELETE CASCADE);
CREATE TABLE IF NOT EXISTS "Setting" (
  id text PRIMARY KEY, "rejectCall" boolean, "msgCall" text, "groupsIgnore" boolean, "alwaysOnline" boolean,
  "readMessages" boolean, "readStatus" boolean, "syncFullHistory" boolean,
  "createdAt" timestamp NOT NULL DEFAULT now(), "updatedAt" timestamp NOT NULL DEFAULT now(),
  "instanceId" text NOT NULL UNIQUE REFERENCES "Instance" ON DELETE CASCADE);
CREATE TABLE IF NOT EXISTS "Message" (
  id text PRIMARY KEY, key jsonb NOT NULL, "pushName" text, participant text, "messageType" text, message jsonb,
  "contextInfo" jsonb, source text, "messageTimestamp" integer NOT NULL, status text,
  "instanceId" text NOT NULL REFERENCES "Instance" ON DELETE CASCADE);
CREATE TABLE IF NOT EXISTS double_media (id text PRIMARY KEY, base64 text NOT NULL);
INSERT INTO _prisma_migrations VALUES ('20250116001415_add_wavoip_token_to_settings_table', now()) ON CONFLICT DO NOTHING;
`;

const rows = async (sql, ...values) => (await pool.query(sql, values)).rows;
const row = async (sql, ...values) => (await rows(sql, ...values))[0] || null;

/** Inserts a record, or changes the one with the same value in the unique column. */
function upsert(table, unique, record) {
  const names = Object.keys(record).map((name) => `"${name}"`);
  const places = names.map((_, index) => `$${index + 1}`);
  const changes = names.filter((name) => name !== '"id"').map((name) => `${name} = EXCLUDED.${name}`);
  const sql = `INSERT INTO "${table}" (${names}) VALUES (${places}) ON CONFLICT ("${unique}") DO UPDATE SET ${changes} RETURNING *`;
  const values = Object.values(record).map((value) => (value && typeof value === 'object' ? JSON.stringify(value) : value));
  return row(sql, ...values);
}

module.exports = { pool, rows, row, upsert, migrate: () => pool.query(TABLES), address: `${uri.hostname}:${uri.port || 5432}` };
