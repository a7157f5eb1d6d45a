# What the API shows of each record (facts 8): the shapes that integrations read, in one place.
module Payloads
  private

  def agent_payload(place)
    user = place.user
    { id: user.id, account_id: place.account_id, availability_status: place.availability, auto_offline: place.auto_offline,
      confirmed: user.confirmed?, email: user.email, provider: user.provider, available_name: user.available_name, name: user.name,
      role: place.role, thumbnail: '' }
  end

  def agents_payload(users)
    current_account.account_users.includes(:user).where(user_id: users.map(&:id)).order(:user_id).map { |place| agent_payload(place) }
  end

  def team_payload(team)
    team.slice(:id, :name, :description, :allow_auto_assign, :account_id).merge(is_member: team.members.include?(current_user))
  end

  def label_payload(label)
    label.slice(:id, :title, :description, :color, :show_on_sidebar)
  end

  def webhook_payload(webhook)
    webhook.slice(:id, :name, :url, :account_id, :subscriptions)
  end

  def inbox_payload(inbox)
    shown = inbox.slice(:id, :channel_id, :name, :channel_type, :greeting_enabled, :greeting_message, :working_hours_enabled,
                        :enable_auto_assignment, :out_of_office_message, :timezone, :csat_survey_enabled,
                        :allow_messages_after_resolved, :lock_to_single_conversation)
    shown.merge(avatar_url: '', working_hours: inbox.working_hours.map { |day| day.slice(*WorkingHour::TIMES) }).merge(channel_payload(inbox))
  end

  # hmac_token is for administrators (facts 8).
  def channel_payload(inbox)
    channel = inbox.channel
    shown = if inbox.api?
              channel.slice(:webhook_url, :hmac_mandatory, :additional_attributes).merge(inbox_identifier: channel.identifier)
            else
              channel.slice(:website_url, :website_token, :widget_color, :welcome_title, :welcome_tagline, :hmac_mandatory)
            end
    current_account_user.administrator? ? shown.merge(hmac_token: channel.hmac_token) : shown
  end

  def contact_payload(contact, inboxes: true)
    shown = contact.slice(:additional_attributes, :email, :id, :name, :phone_number, :blocked, :identifier, :custom_attributes)
    shown.merge!(availability_status: 'offline', thumbnail: '', last_activity_at: contact.last_activity_at&.to_i, created_at: contact.created_at.to_i)
    inboxes ? shown.merge(contact_inboxes: contact.contact_inboxes.map { |one| contact_inbox_payload(one) }) : shown
  end

  def contact_inbox_payload(contact_inbox)
    { source_id: contact_inbox.source_id, inbox: slim_inbox_payload(contact_inbox.inbox) }
  end

  def slim_inbox_payload(inbox)
    inbox.slice(:id, :channel_id, :name, :channel_type).merge(avatar_url: '', provider: nil)
  end

  # `id` is the display_id (facts 8).
  def conversation_payload(conversation)
    last = conversation.messages.last
    shown = conversation.slice(:account_id, :uuid, :additional_attributes, :custom_attributes, :inbox_id, :snoozed_until, :status, :priority)
    shown.merge(id: conversation.display_id, meta: meta_payload(conversation), messages: [last&.push_event_data].compact,
                labels: conversation.label_list, can_reply: true, muted: false, unread_count: conversation.unread_count,
                last_non_activity_message: conversation.messages.where.not(message_type: :activity).last&.push_event_data,
                created_at: conversation.created_at.to_i, updated_at: conversation.updated_at.to_f,
                timestamp: conversation.last_activity_at.to_i, last_activity_at: conversation.last_activity_at.to_i,
                first_reply_created_at: conversation.first_reply_created_at.to_i, waiting_since: conversation.waiting_since.to_i)
  end

  def meta_payload(conversation)
    place = current_account.account_users.find_by(user_id: conversation.assignee_id)
    meta = { sender: contact_payload(conversation.contact, inboxes: false), channel: conversation.inbox.channel_type,
             hmac_verified: conversation.contact_inbox.hmac_verified }
    meta[:assignee] = agent_payload(place) if place
    meta[:team] = team_payload(conversation.team) if conversation.team
    meta
  end

  # message_type is a number, created_at seconds (facts 8).
  def message_payload(message)
    message.push_event_data.slice(:id, :content, :inbox_id, :echo_id, :conversation_id, :message_type, :content_type, :status,
                                  :content_attributes, :created_at, :private, :source_id, :sender, :attachments)
  end
end
