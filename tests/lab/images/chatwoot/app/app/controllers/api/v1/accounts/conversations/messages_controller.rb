# Messages (facts 8). Traps: whatever goes wrong in a creation is 422; the status may be set in API inboxes only (403).
class Api::V1::Accounts::Conversations::MessagesController < Api::V1::Accounts::Conversations::BaseController
  def index
    render json: { meta: meta, payload: newest.map { |message| message_payload(message) } }
  end

  def create
    render json: message_payload(Messages::MessageBuilder.new(current_user, conversation, params).perform)
  rescue StandardError => e
    could_not_create(e.message)
  end

  def update
    return render(json: { error: 'Message status update is only allowed for API inboxes' }, status: :forbidden) unless conversation.inbox.api?

    message = conversation.messages.find(params[:id])
    Messages::StatusUpdateService.new(message, params[:status], params[:external_error]).perform
    render json: message_payload(message)
  end

  # Trap (facts 14): two changes and no more: it is sent by nobody unless somebody acts on `message_updated`. What it
  # answered and why it failed are forgotten.
  def retry
    message = conversation.messages.find(params[:id])
    Messages::StatusUpdateService.new(message, 'sent').perform
    message.update!(content_attributes: {})
    render json: message_payload(message)
  end

  def destroy
    message = conversation.messages.find(params[:id])
    message.update!(content: 'This message was deleted', content_type: :text, content_attributes: { deleted: true })
    message.attachments.destroy_all
    render json: message_payload(message)
  end

  private

  def meta
    { labels: conversation.label_list, additional_attributes: conversation.additional_attributes,
      contact: contact_payload(conversation.contact, inboxes: false), assignee: conversation.assignee&.push_event_data }
  end

  # The last 20, oldest first; `before` and `after` are ids.
  def newest
    messages = conversation.messages.includes(:attachments, :sender)
    messages = messages.where('messages.id < ?', params[:before].to_i) if params[:before].present?
    # Trap: with both, `after` is the first one shown.
    return messages.where('messages.id >= ?', params[:after].to_i).limit(1000) if params[:before].present? && params[:after].present?
    return messages.where('messages.id > ?', params[:after].to_i).limit(100) if params[:after].present?

    messages.last(20)
  end
end
