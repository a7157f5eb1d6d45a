-- What people find in Chatwoot, as one line `application JSON`; application.py compares it.
-- Variables: admin, the administrator's login; salt; token, the digest of the salted API token.
-- A database without Chatwoot's tables gives no such line. `read` ends the answer.
SELECT to_regclass('account_users') IS NOT NULL AND to_regclass('team_members') IS NOT NULL AS ready \gset
\if :ready
WITH account AS (
  SELECT id, name, locale, custom_attributes ->> 'timezone' AS timezone FROM accounts
   WHERE id = coalesce(
     (SELECT account_id FROM account_users JOIN users ON users.id = user_id
       WHERE email = :'admin' ORDER BY account_users.id LIMIT 1),
     (SELECT min(id) FROM accounts)))
SELECT 'application ' || (json_build_object(
  'configs', (SELECT coalesce(json_object_agg(name, serialized_value #>> '{}'), '{}') FROM installation_configs
    WHERE name IN ('INSTALLATION_NAME', 'ENABLE_ACCOUNT_SIGNUP')),
  'token', EXISTS (SELECT FROM access_tokens JOIN users ON users.id = owner_id
    WHERE owner_type = 'User' AND email = :'admin'
      AND encode(sha256(convert_to(:'salt' || token, 'UTF8')), 'hex') = :'token'),
  'account', (SELECT row_to_json(account) FROM account),
  'users', (SELECT coalesce(json_agg(json_build_object(
      'email', email, 'type', type, 'role', CASE role WHEN 1 THEN 'administrator' ELSE 'agent' END,
      'inboxes', (SELECT coalesce(json_agg(inboxes.name), '[]') FROM inbox_members
        JOIN inboxes ON inboxes.id = inbox_id
        WHERE inbox_members.user_id = users.id AND inboxes.account_id = account.id),
      'teams', (SELECT coalesce(json_agg(teams.name), '[]') FROM team_members
        JOIN teams ON teams.id = team_id
        WHERE team_members.user_id = users.id AND teams.account_id = account.id))), '[]')
    FROM users JOIN account_users ON users.id = user_id JOIN account ON account.id = account_id),
  'teams', (SELECT coalesce(json_agg(json_build_object('name', teams.name, 'description', description)), '[]')
    FROM teams JOIN account ON account.id = account_id),
  'labels', (SELECT coalesce(json_agg(json_build_object(
      'title', title, 'color', color, 'description', description)), '[]')
    FROM labels JOIN account ON account.id = account_id),
  'inboxes', (SELECT coalesce(json_agg(json_build_object(
      'name', inboxes.name, 'auto_assignment', enable_auto_assignment,
      'greeting', CASE WHEN greeting_enabled THEN greeting_message END,
      'one_conversation', lock_to_single_conversation,
      'webhook', encode(sha256(convert_to(:'salt' || webhook_url, 'UTF8')), 'hex')) ORDER BY inboxes.id), '[]')
    FROM inboxes JOIN account ON account.id = inboxes.account_id
    JOIN channel_api ON channel_api.id = channel_id AND channel_type = 'Channel::Api'),
  'webhooks', (SELECT coalesce(json_agg(json_build_object(
      'url', encode(sha256(convert_to(:'salt' || url, 'UTF8')), 'hex'), 'events', subscriptions)), '[]')
    FROM webhooks JOIN account ON account.id = account_id))::jsonb)::text;
\endif
SELECT 'read';
