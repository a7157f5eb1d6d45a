# Takes a model event off Redis and hands it to the listeners.
class EventDispatcherJob < ApplicationJob
  queue_as :critical

  def perform(event, timestamp, record, data = {})
    Rails.logger.info "event #{event} #{record.to_global_id} (#{timestamp})"
    WebhookListener.new(event, record, data).perform
    ActionCableListener.new(event, record).perform
  end
end
