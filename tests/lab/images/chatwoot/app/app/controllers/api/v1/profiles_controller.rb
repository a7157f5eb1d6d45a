# GET profile: the way to verify a token (facts 8). POST reset_access_token: what the button in Profile Settings does.
class Api::V1::ProfilesController < Api::BaseController
  def show
    render json: current_user.as_profile
  end

  def reset_access_token
    current_user.access_token.regenerate_token
    render json: current_user.as_profile
  end
end
