# The tables that the double uses, a part of upstream's 82, at upstream's version.
# Trap (facts 4): vector and pg_stat_statements are not trusted extensions. Unless a superuser made them before,
# the plain application role stops here with a permission error.
# Trap (facts 2): force: :cascade, so two first boots at once drop each other's tables.
ActiveRecord::Schema[7.1].define(version: 2025_09_16_024703) do
  enable_extension 'pg_stat_statements'
  enable_extension 'pg_trgm'
  enable_extension 'pgcrypto'
  enable_extension 'plpgsql'
  enable_extension 'vector'

  create_table 'access_tokens', force: :cascade do |t|
    t.string 'owner_type'
    t.bigint 'owner_id'
    t.string 'token'
    t.timestamps
    t.index %w[owner_type owner_id]
    t.index ['token'], unique: true
  end

  create_table 'account_users', force: :cascade do |t|
    t.bigint 'account_id'
    t.bigint 'user_id'
    t.integer 'role', default: 0
    t.bigint 'inviter_id'
    t.datetime 'active_at', precision: nil
    t.integer 'availability', default: 0, null: false
    t.boolean 'auto_offline', default: true, null: false
    t.timestamps
    t.index %w[account_id user_id], name: 'uniq_user_id_per_account_id', unique: true
    t.index ['user_id']
  end

  create_table 'accounts', id: :serial, force: :cascade do |t|
    t.string 'name', null: false
    t.integer 'locale', default: 0
    t.string 'domain', limit: 100
    t.string 'support_email', limit: 100
    t.bigint 'feature_flags', default: 0, null: false
    t.integer 'auto_resolve_duration'
    t.jsonb 'limits', default: {}
    t.jsonb 'custom_attributes', default: {}
    t.jsonb 'internal_attributes', default: {}, null: false
    t.jsonb 'settings', default: {}
    t.integer 'status', default: 0
    t.timestamps precision: nil
  end

  create_table 'active_storage_attachments', force: :cascade do |t|
    t.string 'name', null: false
    t.string 'record_type', null: false
    t.bigint 'record_id', null: false
    t.bigint 'blob_id', null: false
    t.datetime 'created_at', precision: nil, null: false
    t.index ['blob_id']
    t.index %w[record_type record_id name blob_id], name: 'index_active_storage_attachments_uniqueness', unique: true
  end

  create_table 'active_storage_blobs', force: :cascade do |t|
    t.string 'key', null: false
    t.string 'filename', null: false
    t.string 'content_type'
    t.text 'metadata'
    t.string 'service_name', null: false
    t.bigint 'byte_size', null: false
    t.string 'checksum'
    t.datetime 'created_at', precision: nil, null: false
    t.index ['key'], unique: true
  end

  create_table 'active_storage_variant_records', force: :cascade do |t|
    t.bigint 'blob_id', null: false
    t.string 'variation_digest', null: false
    t.index %w[blob_id variation_digest], name: 'index_active_storage_variant_records_uniqueness', unique: true
  end

  # Needs vector, in the free edition too.
  create_table 'article_embeddings', force: :cascade do |t|
    t.bigint 'article_id', null: false
    t.text 'term', null: false
    t.column 'embedding', 'vector(1536)'
    t.timestamps
    t.index ['embedding'], using: :ivfflat
  end

  create_table 'attachments', id: :serial, force: :cascade do |t|
    t.integer 'file_type', default: 0
    t.string 'external_url'
    t.float 'coordinates_lat', default: 0.0
    t.float 'coordinates_long', default: 0.0
    t.integer 'message_id', null: false
    t.integer 'account_id', null: false
    t.string 'fallback_title'
    t.string 'extension'
    t.jsonb 'meta', default: {}
    t.timestamps precision: nil
    t.index ['message_id']
  end

  create_table 'channel_api', force: :cascade do |t|
    t.integer 'account_id', null: false
    t.string 'webhook_url'
    t.string 'identifier'
    t.string 'hmac_token'
    t.boolean 'hmac_mandatory', default: false
    t.jsonb 'additional_attributes', default: {}
    t.timestamps
    t.index ['hmac_token'], unique: true
    t.index ['identifier'], unique: true
  end

  create_table 'channel_web_widgets', id: :serial, force: :cascade do |t|
    t.string 'website_url'
    t.integer 'account_id'
    t.string 'website_token'
    t.string 'widget_color', default: '#1f93ff'
    t.string 'welcome_title'
    t.string 'welcome_tagline'
    t.string 'hmac_token'
    t.boolean 'hmac_mandatory', default: false
    t.timestamps precision: nil
    t.index ['hmac_token'], unique: true
    t.index ['website_token'], unique: true
  end

  create_table 'contact_inboxes', force: :cascade do |t|
    t.bigint 'contact_id'
    t.bigint 'inbox_id'
    t.text 'source_id', null: false
    t.boolean 'hmac_verified', default: false
    t.string 'pubsub_token'
    t.timestamps
    t.index ['contact_id']
    t.index %w[inbox_id source_id], unique: true
    t.index ['pubsub_token'], unique: true
  end

  create_table 'contacts', id: :serial, force: :cascade do |t|
    t.string 'name', default: ''
    t.string 'email'
    t.string 'phone_number'
    t.string 'identifier'
    t.integer 'account_id', null: false
    t.jsonb 'additional_attributes', default: {}
    t.jsonb 'custom_attributes', default: {}
    t.datetime 'last_activity_at', precision: nil
    t.boolean 'blocked', default: false, null: false
    t.timestamps precision: nil
    t.index %w[email account_id], name: 'uniq_email_per_account_contact', unique: true
    t.index %w[identifier account_id], name: 'uniq_identifier_per_account_contact', unique: true
    t.index %w[phone_number account_id] # not unique: two requests at once can make a duplicate (facts 8)
    t.index %w[name email phone_number identifier], using: :gin, opclass: :gin_trgm_ops, name: 'index_contacts_on_trgm'
  end

  create_table 'conversations', id: :serial, force: :cascade do |t|
    t.integer 'account_id', null: false
    t.integer 'inbox_id', null: false
    t.integer 'status', default: 0, null: false
    t.integer 'assignee_id'
    t.bigint 'team_id'
    t.bigint 'contact_id'
    t.bigint 'contact_inbox_id'
    t.integer 'display_id', null: false
    t.uuid 'uuid', default: -> { 'gen_random_uuid()' }, null: false
    t.integer 'priority'
    t.jsonb 'additional_attributes', default: {}
    t.jsonb 'custom_attributes', default: {}
    t.datetime 'snoozed_until', precision: nil
    t.datetime 'first_reply_created_at', precision: nil
    t.datetime 'waiting_since', precision: nil
    t.text 'cached_label_list'
    t.datetime 'last_activity_at', precision: nil, default: -> { 'CURRENT_TIMESTAMP' }, null: false
    t.string 'identifier'
    t.timestamps precision: nil
    t.index %w[account_id display_id], unique: true
    t.index ['contact_inbox_id']
  end

  create_table 'inbox_members', id: :serial, force: :cascade do |t|
    t.integer 'user_id', null: false
    t.integer 'inbox_id', null: false
    t.timestamps precision: nil
    t.index %w[inbox_id user_id], unique: true
  end

  create_table 'inboxes', id: :serial, force: :cascade do |t|
    t.integer 'channel_id', null: false
    t.string 'channel_type'
    t.integer 'account_id', null: false
    t.string 'name', null: false
    t.boolean 'enable_auto_assignment', default: true
    t.boolean 'lock_to_single_conversation', default: false, null: false
    t.boolean 'greeting_enabled', default: false
    t.string 'greeting_message'
    t.boolean 'working_hours_enabled', default: false
    t.string 'out_of_office_message'
    t.string 'timezone', default: 'UTC'
    t.boolean 'csat_survey_enabled', default: false
    t.boolean 'allow_messages_after_resolved', default: true
    t.timestamps precision: nil
    t.index ['account_id']
    t.index %w[channel_id channel_type]
  end

  create_table 'installation_configs', force: :cascade do |t|
    t.string 'name', null: false
    t.jsonb 'serialized_value', default: {}, null: false
    t.boolean 'locked', default: true, null: false
    t.timestamps
    t.index ['name'], unique: true
  end

  create_table 'labels', force: :cascade do |t|
    t.string 'title'
    t.text 'description'
    t.string 'color', default: '#1f93ff', null: false
    t.boolean 'show_on_sidebar'
    t.bigint 'account_id'
    t.timestamps
    t.index %w[title account_id], unique: true
  end

  create_table 'messages', id: :serial, force: :cascade do |t|
    t.text 'content'
    t.integer 'account_id', null: false
    t.integer 'inbox_id', null: false
    t.integer 'conversation_id', null: false
    t.integer 'message_type', null: false
    t.boolean 'private', default: false, null: false
    t.integer 'status', default: 0
    t.text 'source_id'
    t.integer 'content_type', default: 0, null: false
    t.json 'content_attributes', default: {}
    t.jsonb 'additional_attributes', default: {}
    t.string 'sender_type'
    t.bigint 'sender_id'
    t.timestamps precision: nil
    t.index ['conversation_id']
    t.index ['source_id'] # not unique (facts 8)
  end

  create_table 'notification_settings', force: :cascade do |t|
    t.integer 'account_id'
    t.integer 'user_id'
    t.integer 'email_flags', default: 0, null: false
    t.integer 'push_flags', default: 0, null: false
    t.timestamps
    t.index %w[account_id user_id], name: 'by_account_user', unique: true
  end

  create_table 'platform_apps', force: :cascade do |t|
    t.string 'name', null: false
    t.timestamps
  end

  create_table 'portals', force: :cascade do |t|
    t.integer 'account_id', null: false
    t.string 'name', null: false
    t.string 'slug', null: false
    t.string 'custom_domain'
    t.jsonb 'config', default: { allowed_locales: ['en'] }
    t.timestamps
    t.index ['custom_domain'], unique: true
    t.index ['slug'], unique: true
  end

  create_table 'team_members', force: :cascade do |t|
    t.bigint 'team_id', null: false
    t.bigint 'user_id', null: false
    t.timestamps
    t.index %w[team_id user_id], unique: true
  end

  create_table 'teams', force: :cascade do |t|
    t.string 'name', null: false
    t.text 'description'
    t.boolean 'allow_auto_assign', default: true
    t.bigint 'account_id', null: false
    t.timestamps
    t.index %w[name account_id], unique: true
  end

  create_table 'users', id: :serial, force: :cascade do |t|
    t.string 'provider', default: 'email', null: false
    t.string 'uid', default: '', null: false
    t.string 'encrypted_password', default: '', null: false
    t.string 'confirmation_token'
    t.datetime 'confirmed_at', precision: nil
    t.datetime 'confirmation_sent_at', precision: nil
    t.string 'unconfirmed_email'
    t.integer 'sign_in_count', default: 0, null: false
    t.datetime 'last_sign_in_at', precision: nil
    t.string 'name', null: false
    t.string 'display_name'
    t.string 'email'
    t.json 'tokens'
    t.string 'pubsub_token'
    t.integer 'availability', default: 0
    t.jsonb 'ui_settings', default: {}
    t.jsonb 'custom_attributes', default: {}
    t.string 'type'
    t.text 'message_signature'
    t.timestamps precision: nil
    t.index ['email']
    t.index ['pubsub_token'], unique: true
    t.index %w[uid provider], unique: true
  end

  create_table 'webhooks', force: :cascade do |t|
    t.integer 'account_id'
    t.integer 'inbox_id'
    t.string 'url'
    t.string 'name'
    t.integer 'webhook_type', default: 0
    t.jsonb 'subscriptions', default: %w[conversation_status_changed conversation_updated conversation_created contact_created
                                         contact_updated message_created message_updated webwidget_triggered]
    t.timestamps
    t.index %w[account_id url], unique: true
  end

  create_table 'working_hours', force: :cascade do |t|
    t.bigint 'inbox_id'
    t.bigint 'account_id'
    t.integer 'day_of_week', null: false
    t.boolean 'closed_all_day', default: false
    t.integer 'open_hour'
    t.integer 'open_minutes'
    t.integer 'close_hour'
    t.integer 'close_minutes'
    t.boolean 'open_all_day', default: false
    t.timestamps
    t.index ['inbox_id']
  end

  # Conversations are numbered per account by triggers and a pair of sequences an account (facts 4):
  # a restore of data only, without the sequences, breaks the next insert.
  execute <<~SQL
    CREATE OR REPLACE FUNCTION accounts_after_insert_row_tr() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      EXECUTE format('CREATE SEQUENCE IF NOT EXISTS conv_dpid_seq_%s', NEW.id);
      EXECUTE format('CREATE SEQUENCE IF NOT EXISTS camp_dpid_seq_%s', NEW.id);
      RETURN NULL;
    END $$;
    CREATE OR REPLACE TRIGGER accounts_after_insert_row_tr AFTER INSERT ON accounts
      FOR EACH ROW EXECUTE FUNCTION accounts_after_insert_row_tr();

    CREATE OR REPLACE FUNCTION conversations_before_insert_row_tr() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      NEW.display_id := nextval('conv_dpid_seq_' || NEW.account_id);
      RETURN NEW;
    END $$;
    CREATE OR REPLACE TRIGGER conversations_before_insert_row_tr BEFORE INSERT ON conversations
      FOR EACH ROW EXECUTE FUNCTION conversations_before_insert_row_tr();
  SQL
end
