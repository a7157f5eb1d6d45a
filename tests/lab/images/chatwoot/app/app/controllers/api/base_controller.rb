# Base of the JSON API: who calls (header api_access_token, in either spelling) and how errors look (facts 8).
class Api::BaseController < ApplicationController
  class NotAuthorized < StandardError; end

  before_action :authenticate_by_token

  rescue_from(ActiveRecord::RecordNotFound) { render json: { error: 'Resource could not be found' }, status: :not_found }
  rescue_from(ActionController::ParameterMissing) { |e| render json: { error: e.message }, status: :unprocessable_entity }
  rescue_from(NotAuthorized) { render json: { error: 'You are not authorized to do this action' }, status: :unauthorized }
  rescue_from(ActiveRecord::RecordInvalid) do |e|
    render json: { message: e.record.errors.full_messages.join(', '), attributes: e.record.errors.attribute_names }, status: :unprocessable_entity
  end

  private

  attr_reader :current_user

  # Only the token's row is asked: an unconfirmed user's token works (facts 7).
  def authenticate_by_token
    token = request.headers['HTTP_API_ACCESS_TOKEN'].presence
    return render(json: { errors: ['You need to sign in or sign up before continuing.'] }, status: :unauthorized) unless token

    @current_user = AccessToken.find_by(token: token)&.owner
    render json: { error: 'Invalid Access Token' }, status: :unauthorized unless current_user.is_a?(User)
  end
end
