# The labels of a conversation; POST replaces the list.
class Api::V1::Accounts::Conversations::LabelsController < Api::V1::Accounts::Conversations::BaseController
  def index
    render json: { payload: conversation.label_list }
  end

  def create
    conversation.label_list = params[:labels]
    conversation.save!
    index
  end
end
