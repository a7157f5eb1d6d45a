-- Variables: admin, the administrator's login; inbox, the inbox of WhatsApp; wanted, the workflows as
-- a JSON array. Begins in chatwoot_db. Without the inbox the numbers are 0, as in no workflow; a database
-- without n8n's tables holds nothing.
@n8n_numbers.sql@
\connect n8n_db
SELECT to_regclass('workflow_entity') IS NOT NULL AND to_regclass('webhook_entity') IS NOT NULL
  AND to_regclass('credentials_entity') IS NOT NULL AND to_regclass('settings') IS NOT NULL AS ready \gset
\if :ready
WITH wanted AS (SELECT workflow FROM jsonb_array_elements(replace(replace(:'wanted',
  '@@ACCOUNT_ID@@', :'account_number'), '@@INBOX_ID@@', :'inbox_number')::jsonb) AS workflow)
SELECT format('workflow %s|%s|%s|%s', id, concat_ws(',',
    CASE WHEN name <> workflow ->> 'name' THEN 'name' END,
    CASE WHEN nodes::jsonb <> workflow -> 'nodes' THEN 'nodes' END,
    CASE WHEN connections::jsonb <> workflow -> 'connections' THEN 'connections' END,
    CASE WHEN NOT coalesce(settings::jsonb, '{}') @> (workflow -> 'settings') THEN 'settings' END),
  CASE WHEN active THEN 'true' END,
  CASE WHEN (workflow -> 'own')::boolean OR EXISTS (SELECT FROM webhook_entity, jsonb_array_elements(workflow -> 'nodes') AS part
    WHERE "workflowId" = id AND "webhookPath" = part #>> '{parameters,path}') THEN 'true' END)
  FROM workflow_entity JOIN wanted ON id = workflow ->> 'id';
SELECT format('secret %s %s', id, data) FROM credentials_entity
 WHERE id IN ('borgstackChatwoot', 'borgstackEvolution', 'borgstackBridge');
SELECT 'owner ' || coalesce((SELECT value FROM settings
  WHERE key = 'userManagement.isInstanceOwnerSetUp'), 'false');
\endif
SELECT 'read yes';
