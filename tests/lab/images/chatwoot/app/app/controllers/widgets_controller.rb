# The web-chat page that customers' sites show in an iframe: it must come without X-Frame-Options (facts 13). A token
# that no inbox has is 404 with a word of its own (facts 14), and that answer has Rails' default like all others.
class WidgetsController < ApplicationController
  def index
    return response.headers.delete('X-Frame-Options') if Channel::WebWidget.exists?(website_token: params[:website_token])

    render json: { error: 'web widget does not exist' }, status: :not_found
  end
end
