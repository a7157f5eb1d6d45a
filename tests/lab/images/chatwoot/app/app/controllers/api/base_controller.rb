# Base of the JSON API: who calls (header api_access_token, in either spelling, or the headers of a sign-in) and how
# errors look (facts 8).
class Api::BaseController < ApplicationController
  class NotAuthorized < StandardError; end

  before_action :authenticate

  rescue_from(ActiveRecord::RecordNotFound) { render json: { error: 'Resource could not be found' }, status: :not_found }
  rescue_from(ActionController::ParameterMissing) { |e| could_not_create(e.message) }
  rescue_from(NotAuthorized) { render json: { error: 'You are not authorized to do this action' }, status: :unauthorized }
  rescue_from(ActiveRecord::RecordInvalid) do |e|
    render json: { message: e.record.errors.full_messages.join(', '), attributes: e.record.errors.attribute_names }, status: :unprocessable_entity
  end

  private

  def current_user = Current.user

  def authenticate
    token = request.headers['HTTP_API_ACCESS_TOKEN'].presence
    token ? authenticate_by_token(token) : authenticate_by_session
  end

  # Only the token's row is asked: an unconfirmed user's token works (facts 7).
  def authenticate_by_token(token)
    owner = AccessToken.find_by(token: token)&.owner
    return render(json: { error: 'Invalid Access Token' }, status: :unauthorized) unless owner.is_a?(User)

    Current.user = owner
  end

  def authenticate_by_session
    user = User.find_by(uid: request.headers['uid'].presence)
    Current.user = user if user&.session?(request.headers['client'], request.headers['access-token'])
    render json: { errors: ['You need to sign in or sign up before continuing.'] }, status: :unauthorized unless current_user
  end

  def could_not_create(reason)
    render json: { error: reason }, status: :unprocessable_entity
  end
end
