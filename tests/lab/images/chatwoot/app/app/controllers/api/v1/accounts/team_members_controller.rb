# Who is in a team: POST adds users, PATCH replaces the list, DELETE takes users out. Replies are arrays of agents.
class Api::V1::Accounts::TeamMembersController < Api::V1::Accounts::BaseController
  before_action :require_administrator, except: [:index]

  def index
    render json: agents_payload(team.members)
  end

  def create
    team.add_members(user_ids)
    render json: agents_payload(team.members.where(id: user_ids))
  end

  def update
    team.add_members(user_ids)
    team.remove_members(team.member_ids - user_ids)
    render json: agents_payload(team.members.reload)
  end

  def destroy
    team.remove_members(user_ids)
    head :ok
  end

  private

  def team
    @team ||= current_account.teams.find(params[:team_id])
  end

  # Trap: users outside the account are refused with 401, not with 404.
  def user_ids
    @user_ids ||= Array(params[:user_ids]).map(&:to_i).tap do |ids|
      raise NotAuthorized if (ids - current_account.user_ids).any?
    end
  end
end
