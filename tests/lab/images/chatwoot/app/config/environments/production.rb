# Production as upstream sets it: everything from the environment, no host check, no exception to force_ssl.
Rails.application.configure do
  flag = ActiveModel::Type::Boolean.new

  config.enable_reloading = false
  config.eager_load = true
  config.consider_all_requests_local = false
  # Trap (facts 1): switched off without another server for /app/public, pages come without JS and CSS.
  config.public_file_server.enabled = flag.cast(ENV.fetch('RAILS_SERVE_STATIC_FILES', true))
  # Trap (facts 3): no path is exempt, /api and assets redirect as well.
  config.force_ssl = flag.cast(ENV.fetch('FORCE_SSL', false))

  config.log_level = ENV.fetch('LOG_LEVEL', 'info').to_sym
  config.log_tags = [:request_id]
  if flag.cast(ENV.fetch('RAILS_LOG_TO_STDOUT', true))
    config.logger = ActiveSupport::TaggedLogging.new(ActiveSupport::Logger.new($stdout))
  end
  # Links to attachments name the public address, not the host of the request (facts 8).
  config.active_storage.service = ENV.fetch('ACTIVE_STORAGE_SERVICE', 'local').to_sym
  Rails.application.routes.default_url_options = { host: ENV.fetch('FRONTEND_URL', 'localhost') }
  config.active_support.deprecation = :silence
  config.active_record.dump_schema_after_migration = false
end
