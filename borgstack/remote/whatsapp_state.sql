-- Variables: inbox, the inbox of WhatsApp; replies, the address at which n8n takes replies. Begins in
-- chatwoot_db. Executions that somebody started by hand, to try something, are nobody's messages.
SELECT to_regclass('channel_api') IS NOT NULL AS ready \gset
\if :ready
SELECT 'wired ' || EXISTS (SELECT FROM inboxes JOIN channel_api ON channel_api.id = channel_id
  WHERE channel_type = 'Channel::Api' AND name = :'inbox' AND webhook_url = :'replies');
\endif
\connect n8n_db
SELECT to_regclass('execution_entity') IS NOT NULL AS ready \gset
\if :ready
SELECT format('failed %s|%s|%s', count(*), workflow_entity.id, regexp_replace(name, '\s+', ' ', 'g'))
  FROM execution_entity JOIN workflow_entity ON workflow_entity.id = "workflowId"
 WHERE status IN ('error', 'crashed') AND mode <> 'manual'
   AND execution_entity."createdAt" > now() - interval '24 hours'
 GROUP BY workflow_entity.id, name ORDER BY count(*) DESC;
SELECT 'executions read';
\endif
