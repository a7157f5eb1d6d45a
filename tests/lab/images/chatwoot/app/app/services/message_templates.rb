# What Chatwoot says by itself (facts 14): a greeting, that nobody is there, a survey. Trap: the type of such a message
# is `template`, its sender nobody, its status `sent`, as if it had gone out.
module MessageTemplates
  module_function

  # In answer to a message.
  def answer(message)
    conversation = message.conversation
    inbox = message.inbox
    return if conversation.messages.incoming.none?

    say(conversation, inbox.out_of_office_message) if out_of_office?(message)
    say(conversation, inbox.greeting_message) if inbox.greeting_enabled? && inbox.greeting_message.present? && first?(conversation)
  end

  # Of a conversation that has been closed; once.
  def survey(conversation)
    return unless conversation.inbox.csat_survey_enabled? && conversation.messages.content_type_input_csat.none?

    say(conversation, 'Please rate the conversation', content_type: :input_csat, content_attributes: { display_type: 'emoji' })
  end

  def say(conversation, content, **more)
    conversation.messages.create!(account_id: conversation.account_id, inbox: conversation.inbox, message_type: :template, content: content, **more)
  end

  def first?(conversation) = conversation.messages.outgoing.none? && conversation.messages.template.none?

  def out_of_office?(message)
    inbox = message.inbox
    messages = message.conversation.messages
    message.incoming? && inbox.out_of_office_message.present? && inbox.out_of_office? &&
      messages.outgoing.where(private: false, created_at: 5.minutes.ago..).none? && messages.template.where(created_at: Date.current..).none?
  end
end
