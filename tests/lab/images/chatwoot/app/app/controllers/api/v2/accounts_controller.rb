# POST /api/v2/accounts: the newer sign-up form with the same hole (facts 6).
class Api::V2::AccountsController < Api::BaseController
  include SignupGuard
  skip_before_action :authenticate
  before_action :require_signup

  def create
    user, account = sign_up
    render json: { data: { id: user.id, email: user.email, account_id: account.id } }
  end
end
