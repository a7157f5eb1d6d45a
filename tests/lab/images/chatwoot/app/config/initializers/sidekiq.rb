# Sidekiq on the same Redis, its keys without a namespace (facts 5), and the health port of the worker (facts 3).
require 'sidekiq/api'

Rails.application.config.to_prepare do
  next if $sidekiq_configured

  $sidekiq_configured = true
  Sidekiq.configure_client { |config| config.redis = Redis::Config.app }
  Sidekiq.configure_server do |config|
    config.redis = Redis::Config.app
    # Trap (facts 6): the name must be a level, or the worker dies here.
    config.logger.level = Logger.const_get(ENV.fetch('LOG_LEVEL', 'info').upcase.to_s)
    SidekiqAlive.attach(config) unless ENV['DISABLE_SIDEKIQ_ALIVE'] == 'true'
  end
end
