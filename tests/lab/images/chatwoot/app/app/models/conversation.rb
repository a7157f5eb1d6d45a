# A chat. Outside it goes by its display_id, which the database's trigger gives (facts 4).
class Conversation < ApplicationRecord
  include EventDispatching

  # Only these are worth a conversation_updated.
  TOLD = %w[team_id assignee_id status snoozed_until custom_attributes cached_label_list first_reply_created_at waiting_since priority].freeze

  enum :status, { open: 0, resolved: 1, pending: 2, snoozed: 3 }
  enum :priority, { low: 0, medium: 1, high: 2, urgent: 3 }

  belongs_to :account
  belongs_to :inbox
  belongs_to :contact
  belongs_to :contact_inbox
  belongs_to :assignee, class_name: 'User', optional: true
  belongs_to :team, optional: true
  has_many :messages, dependent: :destroy

  before_create -> { self.waiting_since = Time.current }
  after_create :read_display_id
  after_update_commit :tell_changes

  def toggle_status
    update!(status: open? ? :resolved : :open, snoozed_until: nil)
  end

  def label_list = cached_label_list.to_s.split(', ')

  # Any word will do: it need not be one of the account's labels.
  def label_list=(titles)
    self.cached_label_list = Array(titles).map { |title| title.to_s.strip }.reject(&:empty?).uniq.join(', ')
  end

  def unread_count = messages.incoming.where('created_at > ?', messages.outgoing.maximum(:created_at) || Time.zone.at(0)).count

  def push_event_data
    { additional_attributes: additional_attributes, can_reply: true, channel: inbox.channel_type, contact_inbox: contact_inbox.webhook_data,
      id: display_id, inbox_id: inbox_id, messages: [messages.chat.last&.push_event_data].compact, labels: label_list,
      meta: { sender: contact.push_event_data, assignee: assignee&.push_event_data, team: team&.push_event_data,
              hmac_verified: contact_inbox.hmac_verified },
      status: status, custom_attributes: custom_attributes, snoozed_until: snoozed_until, unread_count: unread_count,
      first_reply_created_at: first_reply_created_at, priority: priority, waiting_since: waiting_since.to_i,
      last_activity_at: last_activity_at.to_i, timestamp: last_activity_at.to_i, created_at: created_at.to_i, updated_at: updated_at.to_f }
  end
  alias webhook_data push_event_data

  private

  # No reload: it would forget what was new, and with it the events.
  def read_display_id
    self[:display_id] = self.class.where(id: id).pick(:display_id)
    clear_attribute_change(:display_id)
  end

  def tell_changes
    return if (previous_changes.keys & TOLD).empty?

    dispatch('conversation.updated', changed_attributes: changes_told)
    return unless saved_change_to_status?

    dispatch('conversation.status_changed', changed_attributes: changes_told)
    Conversations::SurveyJob.perform_later(self) if resolved?
    Conversations::ActivityMessageJob.perform_later(self, "Conversation was marked #{status} by #{Current.user&.name || 'the system'}")
  end
end
