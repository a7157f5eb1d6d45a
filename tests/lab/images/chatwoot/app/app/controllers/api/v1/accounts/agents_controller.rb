# GET agents: a bare array (facts 8).
class Api::V1::Accounts::AgentsController < Api::V1::Accounts::BaseController
  def index
    places = current_account.account_users.includes(:user).order(:user_id)
    render json: places.map { |place| agent(place) }
  end

  private

  def agent(place)
    user = place.user
    { id: user.id, account_id: place.account_id, availability_status: place.availability, auto_offline: place.auto_offline,
      confirmed: user.confirmed?, email: user.email, available_name: user.display_name.presence || user.name,
      name: user.name, role: place.role, thumbnail: '' }
  end
end
