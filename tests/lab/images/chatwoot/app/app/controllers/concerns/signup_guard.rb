# Whether strangers may sign up. Trap (facts 6): it compares with a string, so the seeded boolean false leaves it open.
# Only a row that holds the string 'false' closes it, with 404.
module SignupGuard
  private

  def require_signup
    raise ActionController::RoutingError, 'Not Found' if GlobalConfigService.load('ENABLE_ACCOUNT_SIGNUP', 'false') == 'false'
  end

  def sign_up
    AccountBuilder.new(account_name: params[:account_name], user_full_name: params[:user_full_name], email: params.require(:email),
                       user_password: params[:password], locale: params[:locale].presence).perform
  end
end
