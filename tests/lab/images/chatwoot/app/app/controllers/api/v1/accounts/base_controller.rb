# Base of everything under /api/v1/accounts/:account_id: the account, and the caller's place in it (facts 8).
class Api::V1::Accounts::BaseController < Api::BaseController
  before_action :find_place

  private

  attr_reader :current_account, :current_account_user

  def find_place
    @current_account = Account.find(params[:account_id])
    @current_account_user = current_account.account_users.find_by(user_id: current_user.id)
    render json: { error: 'You are not authorized to access this account' }, status: :unauthorized unless current_account_user
  end

  # A refusal is 401, not 403 (facts 8).
  def require_administrator
    raise NotAuthorized unless current_account_user.administrator?
  end
end
