# A message of a conversation. Traps (facts 8): source_id is not unique; 200 a minute in one conversation; webhooks,
# delivery reports and the live view hang on the events, so on the worker.
class Message < ApplicationRecord
  include EventDispatching

  A_MINUTE = ENV.fetch('CONVERSATION_MESSAGE_PER_MINUTE_LIMIT', 200).to_i

  enum :message_type, { incoming: 0, outgoing: 1, activity: 2, template: 3 }
  enum :content_type, { text: 0, input_text: 1, input_textarea: 2, input_email: 3, input_select: 4, cards: 5, form: 6, article: 7,
                       incoming_email: 8, input_csat: 9 }, prefix: true
  enum :status, { sent: 0, delivered: 1, read: 2, failed: 3 }
  # As upstream: a JSON *string* in a json column, so SQL's ->> sees nothing in it.
  store :content_attributes, coder: JSON,
                             accessors: %i[in_reply_to in_reply_to_external_id items automation_rule_id external_created_at
                                           external_error deleted]
  attr_accessor :echo_id

  belongs_to :account
  belongs_to :inbox
  belongs_to :conversation, touch: true
  belongs_to :sender, polymorphic: true, optional: true
  has_many :attachments, dependent: :destroy, autosave: true

  default_scope { order(:created_at, :id) }
  scope :chat, -> { where.not(message_type: :activity).where(private: false) }

  validates :content, length: { maximum: 150_000 }
  validate :flooding, on: :create

  before_create :render_liquid
  before_save :find_what_is_answered
  after_create_commit :move_conversation
  after_create_commit -> { MessageTemplates.answer(self) }
  after_update_commit -> { dispatch('message.updated') if previous_changes.present? }

  # Activity messages are not sent (facts 8).
  def webhook_sendable? = !activity?

  def push_event_data
    data = { id: id, content: content, account_id: account_id, inbox_id: inbox_id, conversation_id: conversation.display_id,
             message_type: self.class.message_types[message_type], created_at: created_at.to_i, updated_at: updated_at, private: private,
             status: status, source_id: source_id, content_type: content_type, content_attributes: content_attributes,
             additional_attributes: additional_attributes, sender_type: sender_type, sender_id: sender_id,
             conversation: { assignee_id: conversation.assignee_id, unread_count: conversation.unread_count,
                             last_activity_at: conversation.last_activity_at.to_i,
                             contact_inbox: { source_id: conversation.contact_inbox.source_id } } }
    data[:echo_id] = echo_id if echo_id
    data[:sender] = sender.push_event_data if sender
    data[:attachments] = attachments.map(&:push_event_data) if attachments.any?
    data
  end

  # Trap: a survey's address is in what is handed out, not in the content that the API shows.
  def outgoing_content
    return content unless content_type_input_csat? && inbox.api?

    "Please rate this conversation, #{ENV.fetch('FRONTEND_URL', nil)}/survey/responses/#{conversation.uuid}"
  end

  # Not like push_event_data: message_type is a word and created_at a date (facts 8). It holds no status.
  def webhook_data
    data = { account: account.webhook_data, additional_attributes: additional_attributes, content_attributes: content_attributes,
             content_type: content_type, content: outgoing_content, conversation: conversation.webhook_data, created_at: created_at, id: id,
             inbox: inbox.webhook_data, message_type: message_type, private: private, sender: sender&.webhook_data, source_id: source_id }
    data[:attachments] = attachments.map(&:push_event_data) if attachments.any?
    data
  end

  private

  # Trap: nothing but the source_id of the answered message goes into it; of an agent's own that is nil.
  def find_what_is_answered
    given = in_reply_to.presence && { id: in_reply_to }
    given ||= in_reply_to_external_id.presence && { source_id: in_reply_to_external_id }
    return unless given

    answered = conversation.messages.find_by(given)
    content_attributes[:in_reply_to_external_id] = answered&.source_id # also where that is nil
    content_attributes[:in_reply_to] = answered&.id
  end

  # Trap (facts 15): what an agent, the API or a template says is Liquid, so {{ … }} is what it stands for, or nothing.
  # What stands between backticks is left alone, and so is what cannot be parsed.
  def render_liquid
    return if content.blank? || !(outgoing? || template?)

    raw = content.gsub(/`.*?`/m) { |code| "{% raw %}#{code}{% endraw %}" }
    self.content = Liquid::Template.parse(raw).render(liquid_drops)
  rescue Liquid::Error
    nil
  end

  def liquid_drops
    contact = conversation.contact
    { 'contact' => { 'name' => contact&.name, 'email' => contact&.email, 'phone_number' => contact&.phone_number },
      'agent' => { 'name' => sender.try(:name), 'email' => sender.try(:email) },
      'conversation' => { 'display_id' => conversation.display_id }, 'inbox' => { 'name' => inbox.name },
      'account' => { 'name' => account.name } }
  end

  def flooding
    recent = Message.where(conversation_id: conversation_id, created_at: 1.minute.ago..).count
    errors.add(:base, 'Too many messages') if recent >= A_MINUTE
  end

  def move_conversation
    now = { last_activity_at: created_at }
    now[:waiting_since] = created_at if incoming? && conversation.waiting_since.nil?
    now[:waiting_since] = nil if outgoing? && !private?
    now[:first_reply_created_at] = created_at if outgoing? && !private? && conversation.first_reply_created_at.nil?
    # An answer of the customer opens what was closed or put off.
    now.merge!(status: :open, snoozed_until: nil) if incoming? && (conversation.resolved? || conversation.snoozed?)
    conversation.update!(now)
    conversation.contact.update_columns(last_activity_at: created_at) if incoming?
  end
end
