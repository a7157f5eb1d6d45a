# Sign-in with mail and password. The reply has the user and, as devise_token_auth does, headers; sent back with later
# requests they stand for the user. Rack::Attack allows five tries in five minutes (facts 8).
class Auth::SessionsController < Api::BaseController
  skip_before_action :authenticate, only: [:create]

  def create
    user = User.from_email(params[:email])
    return refuse('Invalid login credentials. Please try again.') unless user&.valid_password?(params[:password].to_s)
    return refuse('You have to confirm your email address before continuing.') unless user.confirmed?

    response.headers.merge!(user.new_session)
    render json: { data: user.as_profile }
  end

  def validate
    render json: { payload: { success: true, data: current_user.as_profile } }
  end

  def destroy
    current_user.end_session(request.headers['client'])
    render json: { success: true }
  end

  private

  def refuse(reason)
    render json: { success: false, errors: [reason] }, status: :unauthorized
  end
end
