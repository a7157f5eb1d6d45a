# The Rails application: only the frameworks that the double needs, with the defaults of Rails 7.0 as upstream has them
# (so force_ssl redirects with 301 for GET and HEAD and with 308 for the rest: the facts' 307 is the status without these defaults).
require_relative 'boot'

require 'liquid'
require 'rails'
require 'active_model/railtie'
require 'active_job/railtie'
require 'active_record/railtie'
require 'action_controller/railtie'
require 'action_mailer/railtie'
require 'action_view/railtie'
require 'active_storage/engine'
require 'action_cable/engine'
require 'bcrypt'
require 'rack/attack'
require 'redis'
require 'redis-namespace'
require 'connection_pool'
require 'sidekiq'

module Chatwoot
  class Application < Rails::Application
    config.load_defaults 7.0
    config.eager_load_paths << Rails.root.join('lib')
    Rails.autoloaders.main.ignore(Rails.root.join('lib/tasks'))

    config.active_job.queue_adapter = :sidekiq
    config.active_record.yaml_column_permitted_classes = [ActiveSupport::HashWithIndifferentAccess]
    config.action_cable.mount_path = '/cable'
    # Nothing looks into files: no thumbnails, no sizes of pictures.
    config.active_storage.analyzers = []
    config.active_storage.previewers = []
    config.active_storage.variant_processor = :disabled
    config.session_store :cookie_store, key: '_chatwoot_session'
    config.generators.system_tests = nil
  end

  def self.config
    @config ||= Rails.application.config_for(:app)
  end
end

module ChatwootApp
  # The -ce image has no enterprise folder (facts 1).
  def self.enterprise?
    ENV['CW_EDITION'] != 'ce' && Rails.root.join('enterprise').exist?
  end
end
