# POST /auth/sign_in with mail and password. The reply has the user and, as devise_token_auth does, token headers.
# The double does not accept those headers elsewhere: use api_access_token.
class Auth::SessionsController < ApplicationController
  def create
    user = User.from_email(params[:email])
    return refuse('Invalid login credentials. Please try again.') unless user&.valid_password?(params[:password].to_s)
    return refuse('You have to confirm your email address before continuing.') unless user.confirmed?

    user.update_columns(sign_in_count: user.sign_in_count + 1, last_sign_in_at: Time.current)
    response.headers.merge!('access-token' => SecureRandom.urlsafe_base64(16), 'token-type' => 'Bearer',
                            'client' => SecureRandom.urlsafe_base64(16), 'uid' => user.uid,
                            'expiry' => 2.months.from_now.to_i.to_s)
    render json: { data: user.as_profile }
  end

  private

  def refuse(reason)
    render json: { success: false, errors: [reason] }, status: :unauthorized
  end
end
