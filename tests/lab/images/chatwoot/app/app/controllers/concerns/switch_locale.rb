# Looks for a help-centre site behind a foreign host name before each request. Trap (facts 3): so with a Host other than
# FRONTEND_URL's every request, GET /api included, queries the database and is a 500 when it is down.
module SwitchLocale
  extend ActiveSupport::Concern

  included { before_action :find_portal_of_host }

  private

  def find_portal_of_host
    return if request.host == URI.parse(ENV.fetch('FRONTEND_URL', '')).host

    @portal = Portal.find_by(custom_domain: request.host)
  end
end
