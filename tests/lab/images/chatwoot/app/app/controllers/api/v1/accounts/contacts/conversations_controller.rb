# A contact's conversations: the newest 20 of all inboxes and of every status (facts 8).
class Api::V1::Accounts::Contacts::ConversationsController < Api::V1::Accounts::Contacts::BaseController
  def index
    newest = contact.conversations.where(inbox_id: visible_inboxes).order(last_activity_at: :desc).limit(20)
    render json: { payload: newest.map { |conversation| conversation_payload(conversation) } }
  end
end
