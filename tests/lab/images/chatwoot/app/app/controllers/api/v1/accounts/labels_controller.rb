# The account's labels.
class Api::V1::Accounts::LabelsController < Api::V1::Accounts::BaseController
  before_action :require_administrator, except: %i[index show]

  def index
    render json: { payload: current_account.labels.order(:id).map { |label| label_payload(label) } }
  end

  def show
    render json: label_payload(label)
  end

  def create
    render json: label_payload(current_account.labels.create!(chosen))
  end

  def update
    label.update!(chosen)
    render json: label_payload(label)
  end

  def destroy
    label.destroy!
    head :ok
  end

  private

  def label
    @label ||= current_account.labels.find(params[:id])
  end

  def chosen
    params.require(:label).permit(:title, :description, :color, :show_on_sidebar)
  end
end
