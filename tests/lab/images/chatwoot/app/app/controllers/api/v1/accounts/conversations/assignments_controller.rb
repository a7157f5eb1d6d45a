# Gives a conversation to an agent or to a team; an id that is nobody's takes it away. The reply is the agent or the team.
class Api::V1::Accounts::Conversations::AssignmentsController < Api::V1::Accounts::Conversations::BaseController
  def create
    params.key?(:assignee_id) ? assign_agent : assign_team
  end

  private

  def assign_agent
    place = current_account.account_users.find_by(user_id: params[:assignee_id])
    conversation.update!(assignee: place&.user)
    render json: place && agent_payload(place)
  end

  def assign_team
    conversation.update!(team: current_account.teams.find_by(id: params[:team_id]))
    render json: conversation.team && team_payload(conversation.team)
  end
end
