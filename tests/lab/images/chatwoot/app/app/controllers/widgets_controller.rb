# The web-chat page that customers' sites show in an iframe: it must come without X-Frame-Options (facts 13).
class WidgetsController < ApplicationController
  def index
    raise ActionController::RoutingError, 'Not Found' if params[:website_token].blank?

    response.headers.delete('X-Frame-Options')
  end
end
