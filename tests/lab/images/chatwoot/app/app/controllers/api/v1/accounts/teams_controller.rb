# The account's teams: the list is a bare array.
class Api::V1::Accounts::TeamsController < Api::V1::Accounts::BaseController
  before_action :require_administrator, except: %i[index show]

  def index
    render json: current_account.teams.order(:id).map { |team| team_payload(team) }
  end

  def show
    render json: team_payload(team)
  end

  def create
    render json: team_payload(current_account.teams.create!(chosen))
  end

  def update
    team.update!(chosen)
    render json: team_payload(team)
  end

  def destroy
    team.destroy!
    head :ok
  end

  private

  def team
    @team ||= current_account.teams.find(params[:id])
  end

  def chosen
    params.require(:team).permit(:name, :description, :allow_auto_assign)
  end
end
