# Hands model events to Sidekiq, as upstream's dispatcher does: creating such a record needs Redis (facts 7).
module EventDispatching
  extend ActiveSupport::Concern

  included do
    after_create_commit -> { EventDispatcherJob.perform_later("#{model_name.singular}.created", Time.zone.now.iso8601, id) }
  end
end
