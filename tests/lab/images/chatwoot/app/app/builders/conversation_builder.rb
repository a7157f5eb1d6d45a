# Makes a conversation, or returns the last one where the inbox keeps to one, resolved or not (facts 8).
class ConversationBuilder
  def initialize(params:, contact_inbox:)
    @params = params
    @contact_inbox = contact_inbox
  end

  def perform
    single = @contact_inbox.inbox.lock_to_single_conversation
    (single && @contact_inbox.conversations.order(:id).last) || Conversation.create!(attributes)
  end

  private

  def attributes
    inbox = @contact_inbox.inbox
    chosen = @params.permit(:status, :snoozed_until, :assignee_id, :team_id, additional_attributes: {}, custom_attributes: {})
    { account_id: inbox.account_id, inbox: inbox, contact: @contact_inbox.contact, contact_inbox: @contact_inbox }.merge(chosen.to_h.compact)
  end
end
