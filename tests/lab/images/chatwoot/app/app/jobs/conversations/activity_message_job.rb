# Notes in the conversation what was done with it, as a message of the type activity.
class Conversations::ActivityMessageJob < ApplicationJob
  queue_as :high

  def perform(conversation, content)
    conversation.messages.create!(account_id: conversation.account_id, inbox: conversation.inbox, message_type: :activity, content: content)
  end
end
