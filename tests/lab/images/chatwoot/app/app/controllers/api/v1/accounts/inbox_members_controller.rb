# Who works in an inbox: POST adds users, PATCH replaces the list (facts 8), DELETE takes users out.
class Api::V1::Accounts::InboxMembersController < Api::V1::Accounts::BaseController
  before_action :require_administrator, except: [:show]

  def show
    require_visible(inbox)
    render_members
  end

  def create
    inbox.add_members(user_ids)
    render_members
  end

  def update
    inbox.add_members(user_ids)
    inbox.remove_members(inbox.member_ids - user_ids)
    render_members
  end

  def destroy
    inbox.remove_members(user_ids)
    head :ok
  end

  private

  def inbox
    @inbox ||= current_account.inboxes.find(params[:inbox_id])
  end

  def user_ids
    @user_ids ||= current_account.users.find(Array(params[:user_ids])).map(&:id)
  end

  def render_members
    render json: { payload: agents_payload(inbox.members.reload) }
  end
end
