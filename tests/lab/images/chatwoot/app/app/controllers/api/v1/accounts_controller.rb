# POST accounts is the public sign-up, and its reply holds a working token (facts 6). GET accounts/:id for members.
class Api::V1::AccountsController < Api::BaseController
  include SignupGuard
  skip_before_action :authenticate_by_token, only: [:create]
  before_action :require_signup, only: [:create]

  def create
    user, = sign_up
    render json: { data: user.as_profile }
  end

  def show
    account = current_user.accounts.find(params[:id])
    render json: account.slice(:id, :name, :locale, :domain, :support_email, :status, :custom_attributes)
  end
end
