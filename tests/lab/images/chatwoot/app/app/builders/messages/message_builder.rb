# Makes a message from the API's parameters. Traps (facts 8): outgoing unless told; incoming in API inboxes only; of
# content_attributes three keys are kept and the rest is dropped; attachments are files or signed ids, never links.
class Messages::MessageBuilder
  KEPT = %w[in_reply_to items automation_rule_id].freeze

  def initialize(user, conversation, params)
    @user = user
    @conversation = conversation
    @params = params
  end

  def perform
    message = @conversation.messages.build(attributes)
    Array(@params[:attachments]).each { |file| attach(message, file) }
    message.save!
    message
  end

  private

  def attributes
    { account_id: @conversation.account_id, inbox: @conversation.inbox, message_type: message_type, content: @params[:content],
      private: @params[:private] || false, sender: message_type == 'outgoing' ? @user : @conversation.contact,
      content_type: @params[:content_type].presence || 'text', source_id: @params[:source_id], echo_id: @params[:echo_id],
      content_attributes: content_attributes, additional_attributes: @params.permit(template_params: {}).to_h }
  end

  def message_type
    type = @params[:message_type].presence || 'outgoing'
    raise 'Incoming messages are only allowed in Api inboxes' if type == 'incoming' && !@conversation.inbox.api?

    type
  end

  def content_attributes
    given = @params[:content_attributes]
    # A form cannot say a number, so it may hold JSON.
    given = ActionController::Parameters.new(JSON.parse(given)) if given.is_a?(String)
    given = given.respond_to?(:to_unsafe_h) ? given.to_unsafe_h.slice(*KEPT) : {}
    @params[:external_created_at].present? ? given.merge(external_created_at: @params[:external_created_at]) : given
  end

  def attach(message, file)
    attachment = message.attachments.build(account_id: message.account_id, file: file)
    attachment.file_type = Attachment.kind_of(attachment.file.content_type)
    attachment.extension = attachment.file.filename.extension
  end
end
