# Base of everything under /api/v1/accounts/:account_id: the account, and the caller's place in it (facts 8).
class Api::V1::Accounts::BaseController < Api::BaseController
  include Payloads

  PAGE = 15

  before_action :find_place

  private

  def current_account = Current.account
  def current_account_user = Current.account_user

  def find_place
    Current.account = Account.find(params[:account_id])
    Current.account_user = current_account.account_users.find_by(user_id: current_user.id)
    render json: { error: 'You are not authorized to access this account' }, status: :unauthorized unless current_account_user
  end

  # A refusal is 401, not 403 (facts 8).
  def require_administrator
    raise NotAuthorized unless current_account_user.administrator?
  end

  # Administrators see all inboxes, agents those that they are members of (facts 7).
  def visible_inboxes
    current_account_user.administrator? ? current_account.inboxes : current_user.inboxes.where(account_id: current_account.id)
  end

  def require_visible(inbox)
    raise NotAuthorized unless visible_inboxes.exists?(inbox.id)
  end

  def page(records, size = PAGE)
    records.limit(size).offset((current_page - 1) * size)
  end

  def current_page = [params[:page].to_i, 1].max
end
