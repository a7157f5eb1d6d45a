# POST accounts is the public sign-up, and its reply holds a working token (facts 6). GET and PATCH accounts/:id for members.
class Api::V1::AccountsController < Api::BaseController
  include SignupGuard
  skip_before_action :authenticate, only: [:create]
  before_action :require_signup, only: [:create]

  def create
    user, = sign_up
    render json: { data: user.as_profile }
  end

  def show
    render json: payload
  end

  # The time zone of an account is one of its custom attributes; each inbox has one of its own.
  def update
    raise NotAuthorized unless account.account_users.find_by(user_id: current_user.id).administrator?

    account.custom_attributes = account.custom_attributes.merge(params.permit(:industry, :company_size, :timezone).to_h)
    account.update!(params.permit(:name, :locale, :domain, :support_email, :auto_resolve_after, :auto_resolve_message,
                                  :auto_resolve_ignore_waiting))
    render json: payload
  end

  private

  def account
    @account ||= current_user.accounts.find(params[:id])
  end

  def payload
    account.slice(:id, :name, :locale, :domain, :support_email, :status, :settings, :custom_attributes)
  end
end
