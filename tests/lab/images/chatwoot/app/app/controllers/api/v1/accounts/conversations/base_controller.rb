# Base of what belongs to one conversation, which goes by its display_id.
class Api::V1::Accounts::Conversations::BaseController < Api::V1::Accounts::BaseController
  before_action -> { require_visible(conversation.inbox) }

  private

  def conversation
    @conversation ||= current_account.conversations.find_by!(display_id: params[:conversation_id])
  end
end
