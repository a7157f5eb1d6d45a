# The single-page application: / and /app/*. While the Redis flag stands it sends everybody to onboarding (facts 7).
class DashboardController < ApplicationController
  def index
    return redirect_to('/installation/onboarding') if Redis::Alfred.get(Redis::Alfred::CHATWOOT_INSTALLATION_ONBOARDING)

    @config = GlobalConfig.get('INSTALLATION_NAME', 'LOGO', 'BRAND_NAME', 'CREATE_NEW_ACCOUNT_FROM_DASHBOARD')
    @signup = GlobalConfigService.load('ENABLE_ACCOUNT_SIGNUP', 'false')
    render :index, formats: [:html]
  end
end
