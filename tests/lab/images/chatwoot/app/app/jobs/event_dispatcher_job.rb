# Takes model events off Redis. It sends inbox_created to the account's webhooks; later sessions add message events.
class EventDispatcherJob < ApplicationJob
  queue_as :critical

  def perform(event, timestamp, id)
    Rails.logger.info "event #{event} #{id} (#{timestamp})"
    return unless event == 'inbox.created' && (inbox = Inbox.find_by(id: id))

    inbox.account.webhooks.account_type.each do |webhook|
      next unless webhook.subscriptions.include?('inbox_created')

      WebhookJob.perform_later(webhook.url, { event: 'inbox_created', id: inbox.id, name: inbox.name, account: { id: inbox.account_id, name: inbox.account.name } })
    end
  end
end
