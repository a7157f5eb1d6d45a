# Turns a model event into webhooks (facts 8): to the account's webhooks that subscribe to it, and to the webhook_url of
# an API inbox, which gets everything. Trap: the same URL in both gets each message twice.
class WebhookListener
  def initialize(event, record, data)
    @event = event.tr('.', '_')
    @record = record
    @data = data
  end

  def perform
    return unless Webhook::EVENTS.include?(@event)
    return if @record.is_a?(Message) && !@record.webhook_sendable?

    @record.account.webhooks.account_type.each do |webhook|
      WebhookJob.perform_later(webhook.url, payload) if webhook.subscriptions.include?(@event)
    end
    deliver_to_api_inbox if @record.is_a?(Message) || @record.is_a?(Conversation)
  end

  private

  # As JSON already, so that what is sent does not hang on what the job finds later.
  def payload
    @payload ||= body.merge(event: @event).as_json
  end

  def body
    return { conversation: @record.webhook_data }.merge(@data) if @event.include?('typing')
    @record.webhook_data.merge(@data)
  end

  def deliver_to_api_inbox
    inbox = @record.inbox
    return unless inbox.api? && inbox.channel.webhook_url.present?

    WebhookJob.perform_later(inbox.channel.webhook_url, payload, :api_inbox_webhook)
  end
end
