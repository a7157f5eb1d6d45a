# An account's webhook, filtered by its subscriptions (facts 7, 8).
class Webhook < ApplicationRecord
  EVENTS = %w[conversation_status_changed conversation_updated conversation_created contact_created contact_updated
              message_created message_updated webwidget_triggered inbox_created inbox_updated
              conversation_typing_on conversation_typing_off].freeze

  belongs_to :account
  enum :webhook_type, { account_type: 0, inbox_type: 1 }

  validates :url, uniqueness: { scope: :account_id }, format: URI::DEFAULT_PARSER.make_regexp(%w[http https])
  validate :known_subscriptions

  private

  def known_subscriptions
    errors.add(:subscriptions, 'Invalid events') if !subscriptions.is_a?(Array) || subscriptions.empty? || (subscriptions - EVENTS).any?
  end
end
