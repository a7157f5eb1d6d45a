-- Variables: admin, the administrator's login; inbox, the inbox of WhatsApp. Sets account_number and
-- inbox_number, in chatwoot_db; without the inbox they are 0. One that somebody has renamed is known by
-- its webhook.
\set account_number 0
\set inbox_number 0
SELECT to_regclass('inboxes') IS NOT NULL AND to_regclass('account_users') IS NOT NULL AS ready \gset
\if :ready
SELECT coalesce(min(account_id), 0) AS account_number, coalesce(min(id), 0) AS inbox_number FROM (
SELECT inboxes.account_id, inboxes.id FROM inboxes JOIN channel_api ON channel_api.id = channel_id
 WHERE channel_type = 'Channel::Api'
   AND (name = :'inbox' OR webhook_url = 'http://caddy:8090/webhook/whatsapp-replies-to-check')
   AND inboxes.account_id = coalesce(
   (SELECT account_id FROM account_users JOIN users ON users.id = user_id
     WHERE email = :'admin' ORDER BY account_users.id LIMIT 1),
   (SELECT min(id) FROM accounts))
 ORDER BY name <> :'inbox', inboxes.id LIMIT 1) AS found \gset
\endif
