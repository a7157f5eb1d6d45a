-- Variables: admin, the administrator's login; inbox, the inbox of WhatsApp; wanted, the workflows as
-- a JSON array. Begins in chatwoot_db. Without the inbox the numbers are 0, as in no workflow; a database
-- without n8n's tables holds nothing.
\set account_number 0
\set inbox_number 0
SELECT to_regclass('inboxes') IS NOT NULL AND to_regclass('account_users') IS NOT NULL AS ready \gset
\if :ready
SELECT coalesce(min(account_id), 0) AS account_number, coalesce(min(id), 0) AS inbox_number FROM (
SELECT account_id, id FROM inboxes
 WHERE name = :'inbox' AND channel_type = 'Channel::Api' AND account_id = coalesce(
   (SELECT account_id FROM account_users JOIN users ON users.id = user_id
     WHERE email = :'admin' ORDER BY account_users.id LIMIT 1),
   (SELECT min(id) FROM accounts))
 ORDER BY id LIMIT 1) AS found \gset
\endif
\connect n8n_db
SELECT to_regclass('workflow_entity') IS NOT NULL AND to_regclass('webhook_entity') IS NOT NULL
  AND to_regclass('credentials_entity') IS NOT NULL AND to_regclass('settings') IS NOT NULL AS ready \gset
\if :ready
WITH wanted AS (SELECT workflow FROM jsonb_array_elements(replace(replace(:'wanted',
  '@@ACCOUNT_ID@@', :'account_number'), '@@INBOX_ID@@', :'inbox_number')::jsonb) AS workflow)
SELECT format('n8n-workflow %s|%s|%s|%s', id, concat_ws(',',
    CASE WHEN name <> workflow ->> 'name' THEN 'name' END,
    CASE WHEN nodes::jsonb <> workflow -> 'nodes' THEN 'nodes' END,
    CASE WHEN connections::jsonb <> workflow -> 'connections' THEN 'connections' END,
    CASE WHEN NOT coalesce(settings::jsonb, '{}') @> (workflow -> 'settings') THEN 'settings' END),
  CASE WHEN active THEN 'true' END,
  CASE WHEN (workflow -> 'own')::boolean OR EXISTS (SELECT FROM webhook_entity, jsonb_array_elements(workflow -> 'nodes') AS part
    WHERE "workflowId" = id AND "webhookPath" = part #>> '{parameters,path}') THEN 'true' END)
  FROM workflow_entity JOIN wanted ON id = workflow ->> 'id';
SELECT format('n8n-secret %s %s', id, data) FROM credentials_entity
 WHERE id IN ('borgstackChatwoot', 'borgstackEvolution', 'borgstackBridge');
SELECT 'n8n-owner ' || coalesce((SELECT value FROM settings
  WHERE key = 'userManagement.isInstanceOwnerSetUp'), 'false');
\endif
SELECT 'n8n-read yes';
