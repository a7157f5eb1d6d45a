# Agents: the list is a bare array (facts 8). Creating one leaves it unconfirmed (facts 7).
class Api::V1::Accounts::AgentsController < Api::V1::Accounts::BaseController
  before_action :require_administrator, except: [:index]

  def index
    render json: agents_payload(current_account.users)
  end

  def create
    # The key `agent` comes from JSON bodies only (facts 8).
    chosen = params.require(:agent).permit(:email, :name, :role, :availability, :auto_offline)
    place = AgentBuilder.new(account: current_account, inviter: current_user, email: chosen[:email], name: chosen[:name], role: chosen[:role],
                             availability: chosen[:availability], auto_offline: chosen[:auto_offline]).perform
    render json: agent_payload(place)
  end

  def update
    chosen = params.require(:agent).permit(:name, :role, :availability, :auto_offline)
    place.user.update!(chosen.slice(:name))
    place.update!(chosen.slice(:role, :availability, :auto_offline))
    render json: agent_payload(place)
  end

  def destroy
    user = place.user
    place.destroy!
    DeleteObjectJob.perform_later(user) if user.account_users.reload.empty?
    head :ok
  end

  private

  def place
    @place ||= current_account.account_users.find_by!(user_id: params[:id])
  end
end
