# The first-run page. Trap (facts 7): public, so whoever posts first is SuperAdmin; open as long as the flag stands.
class Installation::OnboardingController < ApplicationController
  before_action :require_flag

  def index; end

  def create
    user = params.require(:user)
    AccountBuilder.new(account_name: user[:company], user_full_name: user[:name], email: user[:email],
                       user_password: user[:password], super_admin: true, confirmed: true).perform
    Redis::Alfred.delete(Redis::Alfred::CHATWOOT_INSTALLATION_ONBOARDING)
    redirect_to '/'
  rescue ActiveRecord::RecordInvalid => e
    # Trap: a mistake looks like success from outside, the same 302; only the flash tells.
    redirect_to '/', flash: { error: e.message }
  end

  private

  def require_flag
    redirect_to '/' unless Redis::Alfred.get(Redis::Alfred::CHATWOOT_INSTALLATION_ONBOARDING)
  end
end
