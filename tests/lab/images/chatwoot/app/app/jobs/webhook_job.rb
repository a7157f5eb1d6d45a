# Posts one event to one webhook URL. `perform_later` wants the URL, the payload and optionally the kind of webhook.
class WebhookJob < ApplicationJob
  queue_as :medium

  def perform(url, payload, _webhook_type = :account_webhook)
    Webhooks::Trigger.execute(url, payload)
  end
end
